import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import {
  admits,
  type Circuit,
  type CircuitEvent,
  CLOSED_CIRCUIT,
  nextCircuit,
} from "../../../src/balance/health/breaker.ts";

type Step = CircuitEvent | readonly CircuitEvent[];

const success = (now: number, trial = false): CircuitEvent => ({ kind: "success", now, trial });
const failure = (now: number, trial = false): CircuitEvent => (
  { kind: "failure", now, severity: "failure", random: 0.5, trial }
);
const refused = (now: number, random = 0.5): CircuitEvent => (
  { kind: "failure", now, severity: "surely_down", random }
);
const started = (now: number): CircuitEvent => ({ kind: "trial_started", now });
const over: CircuitEvent = { kind: "trial_over" };
const times = (count: number, event: CircuitEvent): CircuitEvent[] => Array(count).fill(event);

function after(...steps: readonly Step[]): Circuit {
  return steps.flat().reduce(nextCircuit, CLOSED_CIRCUIT);
}

/** What a circuit is, without what it remembers. */
function brief(circuit: Circuit): string {
  switch (circuit.kind) {
    case "closed":
      return "closed";
    case "open":
      return `open ${circuit.opens} until ${circuit.untilMs}`;
    case "half_open":
      return `half open ${circuit.opens}${circuit.trial ? ", trial" : ""}`;
  }
}

const CASES: readonly { name: string; steps: readonly Step[]; is: string }[] = [
  { name: "closed to begin with", steps: [], is: "closed" },
  { name: "four failures in a row leave it closed", steps: [times(4, failure(0))], is: "closed" },
  { name: "the fifth in a row opens it", steps: [times(5, failure(100))], is: "open 1 until 600" },
  {
    name: "an answer in between starts the row anew",
    steps: [times(4, failure(0)), times(9, success(0)), times(4, failure(1))],
    is: "closed",
  },
  {
    name: "half of ten failing opens it",
    steps: [times(4, failure(0)), times(5, success(0)), failure(50)],
    is: "open 1 until 550",
  },
  {
    name: "half of nine or less says nothing",
    steps: [times(4, failure(0)), times(3, success(0)), failure(50)],
    is: "closed",
  },
  {
    name: "what failed over ten seconds ago is forgotten",
    steps: [times(4, failure(0)), times(5, success(0)), failure(10_000)],
    is: "closed",
  },
  {
    name: "what failed nine seconds ago is not",
    steps: [times(4, failure(0)), times(5, success(0)), failure(9_999)],
    is: "open 1 until 10499",
  },
  {
    name: "after a long pause nothing old counts",
    steps: [times(4, failure(0)), times(5, success(3_000)), failure(1e9)],
    is: "closed",
  },
  {
    name: "nothing old counts, though no answer came in the seconds after it",
    steps: [times(4, failure(0)), times(4, success(0)), success(12_500), failure(12_500)],
    is: "closed",
  },
  { name: "a refused connection opens it at once", steps: [success(7), refused(7)], is: "open 1 until 507" },
  { name: "chance makes it longer or shorter", steps: [refused(0, 0)], is: "open 1 until 400" },
  {
    name: "late outcomes change nothing while it is open",
    steps: [refused(0), success(1), failure(2), refused(3)],
    is: "open 1 until 500",
  },
  { name: "no trial before its time", steps: [refused(0), started(499)], is: "open 1 until 500" },
  { name: "the trial starts", steps: [refused(0), started(500)], is: "half open 1, trial" },
  {
    name: "the trial's answer closes it",
    steps: [refused(0), started(500), success(600, true)],
    is: "closed",
  },
  {
    name: "the trial's failure opens it for longer",
    steps: [refused(0), started(500), failure(600, true)],
    is: "open 2 until 1600",
  },
  {
    name: "another's late answer does not close it",
    steps: [refused(0), started(500), success(600)],
    is: "half open 1, trial",
  },
  {
    name: "another's late failure does not open it",
    steps: [refused(0), started(500), failure(600)],
    is: "half open 1, trial",
  },
  {
    name: "a refusal of whomever opens it again",
    steps: [refused(0), started(500), refused(600)],
    is: "open 2 until 1600",
  },
  {
    name: "a cancelled trial makes room for another",
    steps: [refused(0), started(500), over],
    is: "half open 1",
  },
  { name: "the next trial", steps: [refused(0), started(500), over, started(501)], is: "half open 1, trial" },
  {
    name: "an opening after recovery is a short one again",
    steps: [refused(0), started(500), failure(600, true), started(1600), success(1700, true), refused(2000)],
    is: "open 1 until 2500",
  },
  {
    name: "failures before it opened do not count after recovery",
    steps: [times(4, failure(0)), refused(0), started(500), success(500, true), times(4, failure(600))],
    is: "closed",
  },
  { name: "a trial's start means nothing to a closed one", steps: [started(0), over], is: "closed" },
];

for (const { name, steps, is } of CASES) {
  Deno.test(`circuit: ${name}`, () => strictEqual(brief(after(...steps)), is));
}

Deno.test("circuit: openings double up to fifteen seconds", () => {
  const lengths: number[] = [];
  let circuit = after(refused(0));
  for (let i = 0; i < 8; i++) {
    ok(circuit.kind === "open");
    const now = circuit.untilMs;
    lengths.push(now - (lengths.length === 0 ? 0 : lengths.reduce((a, b) => a + b)));
    circuit = nextCircuit(nextCircuit(circuit, started(now)), failure(now, true));
  }
  deepStrictEqual(lengths, [500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
});

const anyEvents = fc.array(
  fc.record({
    later: fc.constantFrom(0, 1, 400, 1000, 3000, 20_000),
    kind: fc.constantFrom("success", "failure", "refused", "started", "over"),
    trial: fc.boolean(),
    random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  }),
  { maxLength: 80 },
);

Deno.test("circuit: never more than one trial at a time, none before its time, and it can always come back", () => {
  fc.assert(fc.property(anyEvents, (events) => {
    let circuit = CLOSED_CIRCUIT;
    let now = 0;
    for (const { later, kind, trial, random } of events) {
      now += later;
      const before = circuit;
      const allowed = admits(circuit, now);
      if (kind === "success") circuit = nextCircuit(circuit, { kind, now, trial });
      else if (kind === "started") circuit = nextCircuit(circuit, { kind: "trial_started", now });
      else if (kind === "over") circuit = nextCircuit(circuit, { kind: "trial_over" });
      else {
        const severity = kind === "refused" ? "surely_down" : "failure";
        circuit = nextCircuit(circuit, { kind: "failure", severity, now, random, trial });
      }
      if (!allowed && kind === "started") strictEqual(circuit, before);
      if (circuit.kind === "half_open") strictEqual(admits(circuit, now), !circuit.trial);
      if (circuit.kind === "open") ok(circuit.untilMs - now <= 18_000);
      if (circuit.kind === "open" && before.kind !== "open") {
        ok(circuit.untilMs - now >= 400 && !admits(circuit, now));
      }
      if (before.kind === "open") ok(circuit.kind !== "closed");
    }
    now += 20_000;
    if (circuit.kind !== "closed") {
      circuit = nextCircuit(nextCircuit(circuit, { kind: "trial_over" }), { kind: "trial_started", now });
      strictEqual(brief(nextCircuit(circuit, { kind: "success", now, trial: true })), "closed");
    }
  }));
});

Deno.test("circuit: below both thresholds it stays closed for good", () => {
  // Two failures, then six answers, again and again, at any pace: no ten in a row have five failures.
  fc.assert(fc.property(fc.array(fc.nat(2500), { maxLength: 200 }), (pauses) => {
    let circuit = CLOSED_CIRCUIT;
    let now = 0;
    for (const [i, pause] of pauses.entries()) {
      now += pause;
      circuit = nextCircuit(circuit, i % 8 < 2 ? failure(now) : success(now));
      strictEqual(circuit.kind, "closed");
    }
  }));
});
