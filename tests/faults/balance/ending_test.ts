import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { startPoolStorm } from "../../support/pool_storm.ts";

Deno.test("stdin ends while a replica that hangs keeps unsafe calls: they are answered, and the program ends", async () => {
  await using storm = await startPoolStorm({ calls: 0, args: ["--drain-timeout", "1"] });
  const [, victim] = storm.replicas;
  await storm.more(200);
  victim!.stop();
  try {
    await storm.until("it is known to be down", () => /an upstream is down/.test(storm.program.stderr()));
    await storm.more(200);
    const { faults, counts, status, exitMs } = await storm.finish(false);
    deepStrictEqual(faults.slice(0, 5), []);
    strictEqual(status.code, 0);
    ok(counts.unknown > 0 && counts.unknown <= 64, JSON.stringify(counts));
    ok(exitMs < 8000, `${exitMs} ms`);
  } finally {
    victim!.resume();
  }
});

Deno.test("stdin ends while a replica hangs that owes nothing: the program ends promptly", async () => {
  await using storm = await startPoolStorm({ calls: 0, atOnce: 0 });
  const { program, replicas } = storm;
  for (let call = 0; call < 6; call++) {
    ok((await program.request("tools/call", { name: "read", arguments: { call } })).result);
  }
  replicas[1]!.stop();
  try {
    const { status, exitMs } = await storm.finish();
    strictEqual(status.code, 0);
    ok(exitMs < 5000, `${exitMs} ms`);
  } finally {
    replicas[1]!.resume();
  }
});
