import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { findOutliers, type OutlierInput } from "../../../src/balance/health/outliers.ts";

const USUAL: OutlierInput = {
  available: true,
  ejectedNow: false,
  timesEjected: 0,
  samples: 100,
  slowness: 1,
  latencyMs: 20,
  failureShare: 0,
};
const SLOW = { ...USUAL, slowness: 10, latencyMs: 200 };
const FAILING = { ...USUAL, failureShare: 0.4 };

const CASES: readonly {
  name: string;
  upstreams: readonly OutlierInput[];
  percent?: number;
  out: readonly string[];
}[] = [
  { name: "none among equals", upstreams: [USUAL, USUAL, USUAL], out: [] },
  { name: "the one that is ten times slower", upstreams: [USUAL, SLOW, USUAL], out: ["1 slow 10000"] },
  {
    name: "not one that is less than three times slower",
    upstreams: [USUAL, { ...SLOW, slowness: 2.9 }, USUAL],
    out: [],
  },
  { name: "the one that fails", upstreams: [USUAL, USUAL, FAILING], out: ["2 failing 10000"] },
  {
    name: "not one that fails as often as the others",
    upstreams: [FAILING, FAILING, { ...FAILING, failureShare: 0.7 }],
    out: [],
  },
  {
    name: "not one that fails a little",
    upstreams: [USUAL, USUAL, { ...USUAL, failureShare: 0.19 }],
    out: [],
  },
  {
    name: "not one of which little is known",
    upstreams: [USUAL, { ...SLOW, samples: 19 }, USUAL, USUAL],
    out: [],
  },
  {
    name: "not one that is slower by a few milliseconds only",
    upstreams: [USUAL, { ...SLOW, latencyMs: 22 }, USUAL],
    out: [],
  },
  {
    name: "one of two only when it is far slower",
    upstreams: [USUAL, { ...SLOW, slowness: 4.9 }],
    percent: 50,
    out: [],
  },
  {
    name: "one of two when it is far slower",
    upstreams: [USUAL, { ...SLOW, slowness: 5 }],
    percent: 50,
    out: ["1 slow 10000"],
  },
  {
    name: "those without samples are no others",
    upstreams: [USUAL, { ...SLOW, slowness: 4 }, { ...USUAL, samples: 0 }],
    out: [],
  },
  { name: "never the only one", upstreams: [SLOW], percent: 100, out: [] },
  {
    name: "for longer each time",
    upstreams: [USUAL, { ...SLOW, timesEjected: 2 }, USUAL],
    out: ["1 slow 30000"],
  },
  {
    name: "for five minutes at most",
    upstreams: [USUAL, { ...SLOW, timesEjected: 99 }, USUAL],
    out: ["1 slow 300000"],
  },
  {
    name: "not one that is out already",
    upstreams: [USUAL, { ...SLOW, ejectedNow: true }, USUAL, USUAL],
    out: [],
  },
  { name: "not one that is down already", upstreams: [USUAL, { ...SLOW, available: false }, USUAL], out: [] },
  {
    name: "no more than may be out at a time",
    upstreams: [USUAL, USUAL, SLOW, { ...SLOW, slowness: 20 }, USUAL, USUAL],
    percent: 20,
    out: ["3 slow 10000"],
  },
  {
    name: "the failing before the slow",
    upstreams: [USUAL, USUAL, SLOW, FAILING, USUAL],
    percent: 20,
    out: ["3 failing 10000"],
  },
  {
    name: "those that are out count",
    upstreams: [USUAL, { ...USUAL, ejectedNow: true }, SLOW, USUAL],
    percent: 25,
    out: [],
  },
  { name: "none when less than one may be out", upstreams: [USUAL, SLOW, USUAL], percent: 33, out: [] },
  { name: "none when none may be out", upstreams: [USUAL, SLOW, USUAL], percent: 0, out: [] },
  {
    name: "one of two stays, be both outliers",
    upstreams: [SLOW, { ...USUAL, failureShare: 0.6 }],
    percent: 100,
    out: ["1 failing 10000"],
  },
  {
    name: "two of five slow ones do not hide each other",
    upstreams: [USUAL, SLOW, USUAL, { ...SLOW, slowness: 9 }, USUAL],
    out: ["1 slow 10000", "3 slow 10000"],
  },
  { name: "not most of them: then slow is usual", upstreams: [USUAL, SLOW, USUAL, SLOW, SLOW], out: [] },
  {
    name: "not the last available one",
    upstreams: [{ ...USUAL, available: false }, { ...USUAL, available: false }, USUAL, SLOW, SLOW],
    percent: 100,
    out: [],
  },
];

for (const { name, upstreams, percent = 50, out } of CASES) {
  Deno.test(`outliers: ${name}`, () => {
    const found = findOutliers(upstreams, percent);
    deepStrictEqual(found.map(({ index, reason, forMs }) => `${index} ${reason} ${forMs}`), out);
  });
}

Deno.test("outliers: people are told by how much", () => {
  strictEqual(
    findOutliers([USUAL, SLOW, USUAL], 50)[0]!.why,
    "it takes 10.0 times as long as the others, 180 ms more",
  );
  strictEqual(
    findOutliers([USUAL, FAILING, USUAL], 50)[0]!.why,
    "40 % of its requests fail, 0 % of the others'",
  );
});

const anyInput: fc.Arbitrary<OutlierInput> = fc.record({
  available: fc.boolean(),
  ejectedNow: fc.boolean(),
  timesEjected: fc.nat(50),
  samples: fc.constantFrom(0, 19, 20, 1000),
  slowness: fc.constantFrom(0, 0.5, 1, 3, 30, 300),
  latencyMs: fc.constantFrom(0, 1, 30, 1000),
  failureShare: fc.constantFrom(0, 0.1, 0.5, 1),
});

Deno.test("outliers: whatever happens, the limit holds, the last one stays, and nobody is ejected without a reason", () => {
  fc.assert(
    fc.property(
      fc.array(anyInput, { maxLength: 30 }),
      fc.integer({ min: 0, max: 100 }),
      (upstreams, percent) => {
        const found = findOutliers(upstreams, percent);
        const already = upstreams.filter((upstream) => upstream.ejectedNow).length;
        if (found.length > 0) ok(already + found.length <= upstreams.length * percent / 100 + 1e-9);
        strictEqual(new Set(found.map(({ index }) => index)).size, found.length);
        for (const { index, forMs } of found) {
          const upstream = upstreams[index]!;
          ok(upstream.available && !upstream.ejectedNow && upstream.samples >= 20);
          ok(forMs >= 10_000 && forMs <= 300_000);
        }
        const available = upstreams.filter((upstream) => upstream.available && !upstream.ejectedNow).length;
        if (available > 0) ok(found.length < available);
      },
    ),
  );
});
