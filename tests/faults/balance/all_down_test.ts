import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { startPoolStorm } from "../../support/pool_storm.ts";
import { allAreKilled } from "../../support/pool_scenarios.ts";
import { type Program, startProgram } from "../../support/program.ts";
import { startReplica } from "../../support/replicas.ts";
import { survive } from "./survive.ts";

/** What "at once" is on a machine that is busy, in milliseconds. */
const AT_ONCE_MS = 2000;

async function timed(program: Program, tool: string, call: number) {
  const start = performance.now();
  const answer = await program.request("tools/call", { name: tool, arguments: { call } });
  return { ...answer, ms: performance.now() - start };
}

Deno.test("all are down: each call comes to an error at once that says so, and one that is back is found unasked", async () => {
  await using storm = await startPoolStorm({ calls: 0, atOnce: 0 });
  const { program, replicas } = storm;
  for (let call = 0; call < 6; call++) ok((await timed(program, "read", call)).result);
  await Promise.all(replicas.map((it) => it.kill()));
  for (let call = 6; call < 12; call++) {
    const { error, ms } = await timed(program, call % 2 === 0 ? "read" : "write", call);
    deepStrictEqual(
      [error?.data.code, error?.data.outcome],
      ["NO_UPSTREAM", "not_run"],
      JSON.stringify(error),
    );
    for (const { endpoint } of replicas) ok(error!.message.includes(endpoint), error!.message);
    ok(ms < AT_ONCE_MS, `${ms} ms`);
  }
  await replicas[1]!.start();
  await program.waitStderr(new RegExp(`an upstream is back endpoint=${replicas[1]!.endpoint}`));
  strictEqual((await timed(program, "write", 12)).result.content[0].text, "B");
});

Deno.test("all are killed under load and come back: errors come while they are away, and none afterwards", async () => {
  const { counts } = await survive(allAreKilled);
  ok(counts.not_run > 0, JSON.stringify(counts));
});

Deno.test("all are down from the beginning: the client is told at once, and served as soon as one is there", async () => {
  const directory = await Deno.makeTempDir();
  const kinds = ["http", "http", "http"] as const;
  const replicas = await Promise.all(
    kinds.map((kind, index) => startReplica({ kind, name: "ABC"[index]!, directory, latencyMs: 1 })),
  );
  try {
    await Promise.all(replicas.map((it) => it.kill()));
    const endpoints = replicas.map(({ endpoint }) => endpoint).join(",");
    await using program = startProgram(["load-balance", "--endpoints", endpoints]);
    const params = {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "test", version: "1" },
    };
    const { error } = await program.request("initialize", params);
    strictEqual(error?.data.code, "NO_UPSTREAM", JSON.stringify(error));
    await replicas[2]!.start();
    await program.initialize();
    strictEqual((await timed(program, "write", 0)).result.content[0].text, "C");
  } finally {
    for (const replica of replicas) await replica[Symbol.asyncDispose]();
    await Deno.remove(directory, { recursive: true });
  }
});
