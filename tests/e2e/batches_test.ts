/** JSON-RPC batches: 2025-03-26 alone has them (S/2025-03-26/basic, Batching). */
import assert from "node:assert/strict";
import { LEGACY_REVISIONS } from "../support/default_answers.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";
import { INITIALIZED_LINE, initializeLine, proxied, startProxy } from "./proxied.ts";

const BATCHED = { initialize: { protocolVersion: "2025-03-26" } };
const WITHOUT = LEGACY_REVISIONS.filter((revision) => revision !== "2025-03-26");

Deno.test("A client's batch is answered with a batch, in 2025-03-26", async () => {
  await using server = await startRawServer();
  await using program = await proxied(server.url, BATCHED);
  const call = (id: unknown, n: number) => ({
    jsonrpc: "2.0",
    id,
    method: "tools/call",
    params: { name: "echo", arguments: { n } },
  });
  await program.send([
    call("a", 1),
    { jsonrpc: "2.0", method: "x/told" },
    call(7, 2),
    { jsonrpc: "2.0", id: "bad" },
    { jsonrpc: "2.0", id: "x", method: "x/unknown" },
  ]);
  await program.response("a");
  const answers = JSON.parse(program.lines.at(-1)!);
  assert.ok(Array.isArray(answers));
  const byId = new Map(answers.map((answer) => [answer.id, answer]));
  assert.deepEqual([...byId.keys()].sort(), [7, "a", "bad", "x"].sort());
  assert.deepEqual(byId.get("a").result.structuredContent, { n: 1 });
  assert.deepEqual(byId.get(7).result.structuredContent, { n: 2 });
  assert.equal(byId.get("bad").error.code, -32600);
  assert.equal(byId.get("x").error.code, -32601);
  await server.received(({ body }) => body.includes("x/told"));
});

Deno.test("A client's batch of notifications is answered with nothing", async () => {
  await using server = await startRawServer();
  await using program = await proxied(server.url, BATCHED);
  await program.send([{ jsonrpc: "2.0", method: "x/one" }, { jsonrpc: "2.0", method: "x/two" }]);
  await server.received(({ body }) => body.includes("x/one"));
  await server.received(({ body }) => body.includes("x/two"));
  await program.request("ping");
  assert.equal(program.lines.length, 2);
});

Deno.test("An empty batch, and initialize within one, are refused", async () => {
  await using server = await startRawServer();
  await using program = await proxied(server.url, BATCHED);
  await program.send("[]");
  const empty = await program.next(({ error, id }) => error !== undefined && id === null);
  assert.equal(empty.error?.code, -32600);
  await program.send(`[${initializeLine("again", "2025-03-26")}]`);
  assert.equal((await program.response("again")).error?.code, -32600);
  assert.equal(server.calls("initialize").length, 1);
});

for (const revision of WITHOUT) {
  Deno.test(`A client's batch is refused in ${revision}, and nothing of it leaves`, async () => {
    await using server = await startRawServer();
    await using program = await proxied(server.url, { initialize: { protocolVersion: revision } });
    await program.send([{ jsonrpc: "2.0", id: "a", method: "ping" }]);
    const refused = await program.next(({ error }) => error !== undefined);
    assert.deepEqual([refused.id, refused.error?.code], [null, -32600]);
    assert.deepEqual((await program.request("ping")).result, {});
    assert.equal(server.calls("ping").length, 1);
  });
}

Deno.test("A batch before initialize is refused", async () => {
  await using server = await startRawServer();
  await using program = startProxy(server.url);
  await program.send(`[${initializeLine("a", "2025-03-26")}]`);
  const { id, error } = await program.next(({ error }) => error !== undefined);
  assert.deepEqual([id, error?.code], [null, -32600]);
  assert.equal(server.requests.length, 0);
});

for (const wire of ["JSON", "event", "line"] as const) {
  Deno.test(`A server's batch is taken apart in 2025-03-26, and refused in others (${wire})`, async () => {
    const batch = (id: unknown) => [
      { jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: 1, progress: 1 } },
      { jsonrpc: "2.0", id, result: { batched: true } },
      { jsonrpc: "2.0", id: "q", method: "roots/list" },
    ];
    const http = await startRawServer({
      on: {
        "tools/call": ({ message: { id } }, reply) =>
          wire === "JSON" ? reply.body(batch(id)) : reply.events([{ data: batch(id) }]),
      },
    });
    const lines = await startRawLineServer({
      on: { "tools/call": ({ id }, peer) => peer.send(batch(id)) },
    });
    const url = wire === "line" ? lines.endpoint : http.url;
    {
      await using program = await proxied(url, BATCHED);
      program.respond("roots/list", () => ({ roots: [] }));
      assert.deepEqual((await program.request("tools/call", { name: "x" })).result, { batched: true });
      assert.equal((await program.nextMethod("notifications/progress")).params.progress, 1);
      if (wire === "line") await lines.message(({ id, result }) => id === "q" && result !== undefined);
      else await http.answer("q");
    }
    for (const revision of WITHOUT) {
      await using program = await proxied(url, { initialize: { protocolVersion: revision } });
      const { error } = await program.request("tools/call", { name: "x" });
      assert.equal(error?.code, -32600);
      assert.match(error?.message ?? "", /batch/);
      assert.deepEqual((await program.request("ping")).result, {});
      const others = program.messages.flatMap(({ method }) => method ?? []);
      assert.deepEqual(
        others.filter((method) => method !== "notifications/message"),
        [],
        "nothing else of it",
      );
    }
    await http[Symbol.asyncDispose]();
    await lines[Symbol.asyncDispose]();
  });
}

Deno.test("A batch that is piped in behind initialize is taken once the revision is known", async () => {
  await using server = await startRawServer({ revision: "2025-03-26" });
  await using program = startProxy(server.url);
  const batch = [2, 3].map((id) => ({ jsonrpc: "2.0", id, method: "ping" }));
  await program.send(
    [initializeLine(1, "2025-03-26"), INITIALIZED_LINE, JSON.stringify(batch), ""].join("\n"),
  );
  await program.closeStdin();
  await program.status;
  assert.deepEqual(
    JSON.parse(program.lines.at(-1)!),
    [2, 3].map((id) => ({ jsonrpc: "2.0", id, result: {} })),
  );
});
