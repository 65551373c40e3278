/** The official server is killed and started again, as a process. */
import { match, strictEqual } from "node:assert/strict";
import { proxied } from "../e2e/proxied.ts";
import { startEverything } from "../support/everything.ts";

const ECHO = { name: "echo", arguments: { message: "hello" } };

Deno.test("the official server, killed at rest and in mid-call, is found again after its restart", async () => {
  await using first = await startEverything("streamableHttp");
  await using program = await proxied(first.url, { args: ["--retry-delay", "100"] });
  strictEqual((await program.request("tools/call", ECHO)).result.content[0].text, "Echo: hello");

  // In mid-call: what it did is not known, and is not done again.
  const long = { name: "trigger-long-running-operation", arguments: { duration: 60, steps: 60 } };
  const call = program.request("tools/call", { ...long, _meta: { progressToken: "p" } });
  await program.nextMethod("notifications/progress");
  Deno.kill(first.pid, "SIGKILL");
  const { error } = await call;
  strictEqual(error?.data.outcome, "unknown");
  match(error?.message ?? "", /unknown/);

  await using second = await startEverything("streamableHttp", { port: first.port });
  strictEqual((await program.request("tools/call", ECHO)).result.content[0].text, "Echo: hello");

  // At rest.
  Deno.kill(second.pid, "SIGKILL");
  await using third = await startEverything("streamableHttp", { port: first.port });
  strictEqual((await program.request("tools/call", ECHO)).result.content[0].text, "Echo: hello");
  strictEqual(third.url, first.url);
});
