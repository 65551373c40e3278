import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { fallbackPool } from "../../src/upstream/fallback.ts";
import { createListings } from "../../src/upstream/listings.ts";
import { recovering } from "../../src/upstream/recovery.ts";
import { retrying } from "../../src/upstream/retry.ts";
import { mayHaveRun } from "../../src/upstream/retry_policy.ts";
import { afterAnswer, afterMessage, NO_SESSION, type Session } from "../../src/upstream/session.ts";
import { notification, request, resultAnswer } from "../../src/jsonrpc/answers.ts";
import { withId } from "../../src/jsonrpc/edit.ts";
import type { Message } from "../../src/jsonrpc/message.ts";
import { settledExchange } from "../../src/link/exchange.ts";
import { failure } from "../../src/link/failure.ts";
import type { Exchange, Outcome, Peer } from "../../src/link/peer.ts";
import { collectedLog } from "../support/collected_log.ts";
import { fakePeer } from "../support/fake_peer.ts";
import { anOutcome } from "../support/outcomes.ts";
import { turn } from "../support/until.ts";

const WELCOME = { protocolVersion: "2025-11-25", capabilities: { tools: {}, logging: {}, resources: {} } };
const TOOLS = {
  tools: [{ name: "write" }, { name: "put", annotations: { idempotentHint: true } }],
};

/** What the client does, and what becomes of it. */
type Step =
  | { readonly ask: "write" | "put" | "tools/list" | "resources/subscribe" | "x/unheard_of" }
  | { readonly cancel: number }
  | { readonly end: number }
  | { readonly forget: number }
  | "tell"
  | "turn";

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      ask: fc.constantFrom("write", "put", "tools/list", "resources/subscribe", "x/unheard_of"),
    }),
  },
  { weight: 2, arbitrary: fc.constant("turn" as const) },
  { weight: 1, arbitrary: fc.record({ cancel: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ end: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ forget: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.constant("tell" as const) },
);

/** What a server does with a request: this, after so many turns. */
interface Fate {
  readonly outcome: Outcome;
  readonly turns: number;
}
const fate: fc.Arbitrary<Fate> = fc.record({ outcome: anOutcome, turns: fc.nat(2) });

/** Everything between a client and servers that do with their first requests what `fates` says, and then their best. */
function setUp(fates: readonly Fate[], candidates: number) {
  let session: Session = NO_SESSION;
  const left = [...fates];
  const listings = createListings();
  const { logger } = collectedLog();
  const wires: ReturnType<typeof fakePeer>[] = [];
  /** How often each request of the client's may have been carried out. */
  const runs = new Map<string, number>();
  const pending = new Set<Promise<void>>();
  let lively = false;

  function serve(peer: ReturnType<typeof fakePeer>): Peer {
    let closed = false;
    return {
      ...peer,
      close() {
        closed = true;
        return Promise.resolve();
      },
      request(message, options) {
        if (closed) {
          return settledExchange({ kind: "not_sent", failure: failure("SHUTTING_DOWN", "E", "closed") });
        }
        const exchange = peer.request(message, options);
        const work = decide(message, peer.requests.at(-1)!.exchange.settle);
        pending.add(work);
        void work.then(() => pending.delete(work));
        return exchange;
      },
    };
  }

  async function decide(message: Message, settle: (outcome: Outcome) => void): Promise<void> {
    const best: Outcome = {
      kind: "answered",
      message: resultAnswer(
        message.id!,
        message.method === "initialize" ? WELCOME : message.method === "tools/list" ? TOOLS : {},
      ),
    };
    const next = lively ? left.shift() : undefined;
    const outcome = next === undefined ? best : next.outcome;
    for (let i = next?.turns ?? 0; i > 0; i--) await turn();
    const id = message.id!;
    if (mayHaveRun(outcome)) runs.set(id, (runs.get(id) ?? 0) + 1);
    if (outcome.kind === "answered") settle({ ...outcome, message: withId(outcome.message, id) });
    else if ("answer" in outcome && outcome.answer !== undefined) {
      settle({ ...outcome, answer: withId(outcome.answer, id) });
    } else settle(outcome);
  }

  const open = (replayed: () => void) => {
    const wire = fakePeer();
    wires.push(wire);
    const layer = recovering({
      session: () => session,
      endpoint: "E",
      logger,
      timeoutMs: 2000,
      delayMs: 0,
      attempts: 3,
      keepAliveMs: undefined,
      random: () => 0,
      replayed,
    });
    return Promise.resolve(layer(serve(wire)));
  };

  const [first, ...rest] = Array.from({ length: candidates }, (_, i) => ({ endpoint: `E${i}`, open }));
  const pool = fallbackPool({
    candidates: [first!, ...rest],
    timeoutMs: 2000,
    returnToFirst: true,
    returnMs: 1,
    idleMs: 1,
    session: () => session,
    hintsFor: listings.hintsFor,
    changed: () => {},
    logger,
  });
  const peer = retrying({
    attempts: 3,
    delayMs: 0,
    timeoutMs: 2000,
    requestTimeoutMs: 2000,
    listings,
    onceOnly: false,
    endpoint: "E",
    logger,
  })(pool);
  peer.listen({ receive: () => {} });

  return {
    peer,
    wires,
    runs,
    pending,
    start: () => lively = true,
    ask(message: Message): Exchange {
      session = afterMessage(session, message);
      const exchange = peer.request(message);
      exchange.whenOver((outcome) => {
        if (outcome.kind === "answered") session = afterAnswer(session, message, outcome.message);
      });
      return exchange;
    },
    tell(message: Message) {
      session = afterMessage(session, message);
      return peer.notify(message);
    },
  };
}

function messageFor(id: number, what: string): Message {
  if (what.includes("/")) return request(String(id), what, { uri: "file:///a" });
  return request(String(id), "tools/call", { name: what });
}

async function play(fates: readonly Fate[], steps: readonly Step[], candidates: number, closeEarly: boolean) {
  const it = setUp(fates, candidates);
  await it.ask(request('"greet"', "initialize")).outcome;
  await it.tell(notification("notifications/initialized"));
  await it.ask(request('"list"', "tools/list")).outcome;
  it.start();
  const asked: { message: Message; exchange: Exchange; outcomes: Outcome[] }[] = [];
  for (const step of steps) {
    if (step === "turn") await turn();
    else if (step === "tell") void it.tell(notification("notifications/roots/list_changed"));
    else if ("ask" in step) {
      const message = messageFor(asked.length, step.ask);
      const outcomes: Outcome[] = [];
      const exchange = it.ask(message);
      exchange.whenOver((outcome) => outcomes.push(outcome));
      asked.push({ message, exchange, outcomes });
    } else if ("cancel" in step) {
      asked[step.cancel % Math.max(1, asked.length)]?.exchange.cancel(
        notification("notifications/cancelled"),
      );
    } else if ("end" in step) {
      it.wires[step.end]?.listener?.closed?.(failure("CONNECTION_LOST", "E", "ended"));
    } else it.wires[step.forget]?.listener?.forgotten?.();
  }
  if (closeEarly) await it.peer.close();
  const ended = Promise.all(asked.map(({ exchange }) => exchange.outcome));
  const outcomes = await Promise.race([
    ended,
    new Promise<undefined>((resolve) =>
      AbortSignal.timeout(5000).addEventListener("abort", () => resolve(undefined))
    ),
  ]);
  ok(outcomes !== undefined, "a request was never answered");
  await it.peer.close();
  while (it.pending.size > 0) await turn();
  return { ...it, asked };
}

const UNSAFE: ReadonlySet<string> = new Set(["write", "x/unheard_of"]);

Deno.test("whatever happens at whichever server: one outcome each, and nothing unsafe is run twice", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fate, { maxLength: 30 }),
      fc.array(step, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      async (fates, steps, candidates, closeEarly) => {
        const { asked, runs } = await play(fates, steps, candidates, closeEarly);
        for (const { message, outcomes } of asked) {
          strictEqual(outcomes.length, 1, `${message.text} has ${outcomes.length} outcomes`);
          const [outcome] = outcomes;
          const times = runs.get(message.id!) ?? 0;
          const { name } = (message.parsed("params") ?? {}) as { name?: string };
          if (UNSAFE.has(name ?? message.method!)) {
            ok(times <= 1, `${message.text} may have run ${times} times`);
          }
          // Nobody is told that something did not run which may have.
          if (times > 0 && outcome!.kind !== "cancelled" && !("answer" in outcome! && outcome.answer)) {
            ok(mayHaveRun(outcome!), `${message.text} may have run, and is ${outcome!.kind}`);
          }
          if (outcome!.kind === "answered") strictEqual(outcome!.message.id, message.id);
        }
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("a server that answers again after all has happened is asked as if nothing had", async () => {
  const { asked } = await play([], [{ ask: "write" }, { ask: "put" }, { ask: "tools/list" }], 2, false);
  deepStrictEqual(asked.map(({ outcomes }) => outcomes[0]!.kind), ["answered", "answered", "answered"]);
});
