import { ok, strictEqual } from "node:assert/strict";
import { noLonger } from "../../src/start/no_longer.ts";

Deno.test("noLonger resolves when its time is over, and not before", async () => {
  // As a client that is read does, this keeps the program from its end.
  const something = setInterval(() => {}, 60_000);
  try {
    for (const ms of [0, 20, 60]) {
      const start = performance.now();
      strictEqual(await noLonger(ms), true);
      // Clocks are coarse.
      ok(performance.now() - start > ms - 2, `${ms} ms`);
    }
  } finally {
    clearInterval(something);
  }
});

Deno.test("noLonger lets other things go on, and come first", async () => {
  const other = Deno.stat(new URL(import.meta.url)).then(() => "other");
  strictEqual(await Promise.race([other, noLonger(10_000)]), "other");
});
