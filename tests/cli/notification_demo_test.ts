import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { runCli } from "./run_cli.ts";

const ENTRY = new URL("../../src/main.ts", import.meta.url).href;

function spawnDemo(count: number): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", ENTRY, "notification-demo", "--count", String(count)],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

Deno.test("notification-demo writes the levels in turn, half a second apart", async () => {
  const start = performance.now();
  const { code, stdout, stderr } = await runCli(["notification-demo", "--count", "5"]);
  const took = performance.now() - start;
  strictEqual(code, 0);
  strictEqual(stderr, "");
  const messages = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  deepStrictEqual(messages.map(({ params }) => params.level), ["info", "warning", "error", "debug", "info"]);
  for (const { jsonrpc, method, params, ...rest } of messages) {
    deepStrictEqual([jsonrpc, method, rest], ["2.0", "notifications/message", {}]);
    strictEqual(params.logger, "mcp-connect");
    strictEqual(typeof params.data.message, "string");
  }
  ok(took >= 4 * 500, `took ${took} ms`);
});

Deno.test("notification-demo writes three without --count, and none with 0", async () => {
  const [three, none] = await Promise.all([
    runCli(["notification-demo"]),
    runCli(["notification-demo"], { env: { MCP_CONNECT_COUNT: "0" } }),
  ]);
  strictEqual(three.stdout.trimEnd().split("\n").length, 3);
  strictEqual(none.stdout, "");
  strictEqual(none.code, 0);
});

Deno.test("notification-demo ends early when stdout is closed", async () => {
  const child = spawnDemo(1000);
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const { code, signal } = await child.status;
  await child.stderr.cancel();
  deepStrictEqual([code, signal], [0, null]);
});

Deno.test("notification-demo ends early on SIGINT", { ignore: Deno.build.os === "windows" }, async () => {
  const child = spawnDemo(1000);
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGINT");
  const { code, signal } = await child.status;
  await reader.cancel();
  await child.stderr.cancel();
  deepStrictEqual([code, signal], [0, null]);
});
