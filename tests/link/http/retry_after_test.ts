import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { retryAfterMs } from "../../../src/link/http/retry_after.ts";

const NOW = Date.UTC(2026, 10, 22, 12, 0, 0);

const TABLE: [header: string | null, ms: number | undefined][] = [
  [null, undefined],
  ["", undefined],
  ["0", 0],
  ["120", 120_000],
  ["  7 ", 7000],
  ["007", 7000],
  ["-1", undefined],
  ["1.5", undefined],
  ["1e3", undefined],
  ["120, 120", undefined],
  ["99999999999999999999", undefined],
  ["Sun, 22 Nov 2026 12:00:30 GMT", 30_000],
  ["Sunday, 22-Nov-26 12:00:30 GMT", 30_000],
  ["Sun, 22 Nov 2026 11:00:00 GMT", 0],
  ["soon", undefined],
  ["Infinity", undefined],
];

for (const [header, ms] of TABLE) {
  Deno.test(`retryAfterMs reads ${JSON.stringify(header)} as ${ms}`, () =>
    strictEqual(retryAfterMs(header, NOW), ms));
}

Deno.test("retryAfterMs reads seconds and dates of any size", () => {
  fc.assert(fc.property(fc.nat({ max: 999_999_999 }), (seconds) => {
    strictEqual(retryAfterMs(String(seconds), NOW), seconds * 1000);
    if (seconds > 1e8) return;
    strictEqual(retryAfterMs(new Date(NOW + seconds * 1000).toUTCString(), NOW), seconds * 1000);
    strictEqual(retryAfterMs(new Date(NOW - seconds * 1000).toUTCString(), NOW), 0);
  }));
});

Deno.test("retryAfterMs gives a time from now on or nothing, whatever the header", () => {
  const words = fc.array(fc.constantFrom("Sun", ",", " ", "22", "Nov", "2026", "12:00", "GMT", "x", "-"), {
    maxLength: 8,
  });
  const header = fc.oneof(fc.string({ unit: "binary" }), words.map((it) => it.join("")));
  fc.assert(fc.property(header, (text) => {
    const ms = retryAfterMs(text, NOW);
    ok(ms === undefined || (Number.isFinite(ms) && ms >= 0), `${ms}`);
  }));
});

for (const header of ["soon 5", "in 5 min", "try 2030", "May 5"]) {
  Deno.test(`retryAfterMs takes ${JSON.stringify(header)} for no date of RFC 9110`, () => {
    strictEqual(retryAfterMs(header, NOW), undefined);
  });
}

Deno.test("retryAfterMs reads a date in asctime's form as UTC, wherever this machine is", () => {
  const zone = Deno.env.get("TZ");
  try {
    Deno.env.set("TZ", "America/New_York");
    strictEqual(
      new Date(NOW).getTimezoneOffset(),
      300,
      "the zone did not change, so this test tells nothing",
    );
    strictEqual(retryAfterMs("Sun Nov 22 12:00:30 2026", NOW), 30_000);
  } finally {
    if (zone === undefined) Deno.env.delete("TZ");
    else Deno.env.set("TZ", zone);
  }
});
