/** Servers that take nothing, answer nothing or ask twice, and clients whose answers are no messages. */
import assert from "node:assert/strict";
import { isWindows } from "../link/child/processes.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";
import { proxied, startProxy } from "./proxied.ts";

Deno.test("notifications that the server never takes hold up no request, and not the end", async () => {
  await using server = await startRawServer({
    on: {
      notification: (request, reply) =>
        request.message.method === "notifications/initialized" ? "default" : reply.hang(),
    },
  });
  await using program = await proxied(server.url, { args: ["--timeout", "1", "--drain-timeout", "1"] });
  for (let i = 0; i < 70; i++) await program.notify("notifications/roots/list_changed");
  assert.deepEqual((await program.request("ping")).result, {});
  await program.waitStderr(/was not delivered: the server has not taken the message within 1 s/);
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
});

Deno.test("an answer of the client's that is no message gives no second answer to its own request of that id", async () => {
  await using server = await startRawLineServer({});
  const told = Promise.withResolvers<unknown>();
  server.on("tools/call", async (message, peer) => {
    const answer = peer.request("roots/list").catch((error) => error);
    told.resolve(await answer);
    await peer.send({ jsonrpc: "2.0", id: message.id, result: { content: [] } });
  });
  await using program = await proxied(server.endpoint, { initialize: { capabilities: { roots: {} } } });
  const question = program.nextMethod("roots/list");
  const call = program.request("tools/call", { name: "x" });
  const { id } = await question;
  await program.send(`{"id":${JSON.stringify(id)},"result":{"roots":[]}}`);
  const complaint = await program.next(({ error }) => error?.code === -32600);
  assert.equal(complaint.id, null);
  await told.promise;
  assert.ok((await call).result !== undefined);
});

Deno.test("a request to a command that has closed its stdin fails soon", { ignore: isWindows }, async () => {
  await using program = startProxy(["sh", "-c", "exec 0<&-; sleep 60"]);
  const { error } = await program.request("initialize", {});
  assert.equal(error?.data.code, "CONNECTION_LOST");
});

Deno.test("an answer that can't be read fails its request at once", async () => {
  await using server = await startRawLineServer({
    on: {
      "x/number": ({ id }, peer) => peer.raw(`{"jsonrpc":"2.0","id":${id},"result":{"x":NaN}}\n`),
      "x/byte": async ({ id }, peer) => {
        await peer.raw(`{"jsonrpc":"2.0","id":${id},"result":{"x":"`);
        await peer.raw(new Uint8Array([0xe9]));
        await peer.raw('"}}\n');
      },
      "x/no-id": (_message, peer) => peer.raw('{"jsonrpc":"2.0","result":{"x":NaN}}\n'),
    },
  });
  await using program = await proxied(server.endpoint);
  for (const method of ["x/number", "x/byte", "x/no-id"]) {
    const { error } = await program.request(method);
    assert.equal(error?.data.code, "NOT_MCP");
    assert.match(error!.message, /Parse error/);
  }
  assert.deepEqual((await program.request("ping")).result, {});
});

Deno.test("a question under the id of an open one does not stop a request's time for good", async () => {
  await using server = await startRawServer({
    on: {
      "tools/call": async (_request, reply) => {
        const events = await reply.sse();
        for (let i = 0; i < 2; i++) await events.send({ jsonrpc: "2.0", id: "same", method: "roots/list" });
        await events.gone;
      },
    },
  });
  await using program = await proxied(server.url, { args: ["--request-timeout", "1"] });
  const call = program.request("tools/call", { name: "x" });
  await program.nextMethod("roots/list");
  await program.nextMethod("roots/list");
  await program.send({ jsonrpc: "2.0", id: "same", result: { roots: [] } });
  assert.equal((await call).error?.data.code, "REQUEST_TIMEOUT");
});
