import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { proxied } from "../e2e/proxied.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";

/** Longer than a busy machine keeps a program waiting (`clock_jump.ts`). */
const ASLEEP_MS = 16_500;

Deno.test({
  name:
    "a bridge that was stopped and goes on: its stream is opened anew where it was, and what came meanwhile is no timeout",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using server = await startRawServer({ get: "open" });
    const answers: (() => Promise<void>)[] = [];
    server.on("tools/call", async ({ message }, reply) => {
      if (message.params.arguments.at === "once") return "default";
      await new Promise<void>((resolve) =>
        answers.push(async () => {
          await reply.result({ content: [], structuredContent: message.params.arguments });
          resolve();
        })
      );
      return undefined;
    });
    await using lines = await startRawLineServer({
      on: {
        "tools/call": (message, peer) => {
          answers.push(() =>
            peer.result(message, { content: [], structuredContent: message.params.arguments })
          );
        },
      },
    });
    // They time out while the bridge stands still, unless it looks at what has come first.
    const args = ["--request-timeout", "10", "--retry-delay", "10"];
    await using program = await proxied(server.url, { args });
    await using onTcp = await proxied(lines.endpoint, { args });
    const note = (data: number) => ({ jsonrpc: "2.0", method: "notifications/message", params: { data } });
    const stream = await server.stream();
    await stream.send(note(1), { id: "s1" });
    await program.nextMethod("notifications/message");
    const calls = [program, onTcp].map((it, n) =>
      it.request("tools/call", { name: "slow", arguments: { n } }, 60_000)
    );
    await server.received(({ message }) => message.method === "tools/call");
    await lines.message(({ method }) => method === "tools/call");

    for (const { pid } of [program, onTcp]) Deno.kill(pid, "SIGSTOP");
    await Promise.all(answers.map((answer) => answer()));
    const opened = server.streams.length;
    await new Promise((resolve) => setTimeout(resolve, ASLEEP_MS));
    for (const { pid } of [program, onTcp]) Deno.kill(pid, "SIGCONT");

    for (const [n, call] of calls.entries()) {
      const { result, error } = await call;
      strictEqual(error, undefined, JSON.stringify(error));
      deepStrictEqual(result.structuredContent, { n });
    }
    const again = await server.stream();
    strictEqual(server.streams.length, opened + 1);
    const gets = server.requests.filter(({ method }) => method === "GET");
    strictEqual(gets.at(-1)!.headers.get("last-event-id"), "s1");
    await again.send(note(2), { id: "s2" });
    strictEqual((await program.nextMethod("notifications/message")).params.data, 2);
    ok("result" in await program.request("tools/call", { name: "x", arguments: { at: "once" } }));
    for (const it of [program, onTcp]) {
      await it.closeStdin();
      strictEqual((await it.status).code, 0);
    }
  },
});
