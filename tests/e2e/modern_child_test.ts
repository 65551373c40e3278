/** Legacy clients at child processes and TCP servers that meet the question for their era as an SDK's never does. */
import assert from "node:assert/strict";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { proxied, startProxy } from "./proxied.ts";
import { scriptedChild } from "./scripted_child.ts";

const REFUSE =
  `say('{"jsonrpc":"2.0","id":' + idOf(line) + ',"error":{"code":-32602,"message":"its own words"}}');`;
const DISCOVERED = {
  supportedVersions: ["2026-07-28"],
  capabilities: { tools: { listChanged: true }, resources: {} },
};

Deno.test("A child that ends of server/discover is forgiven: its own error is shown, and another serves the next try", async () => {
  await using child = scriptedChild({
    "start": "note('started')",
    "initialize":
      `if (message.params.clientInfo.name === "first") { ${REFUSE} } else reply({ protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "child", version: "1" } });`,
    "server/discover": "Deno.exit(3);",
  });
  await using program = startProxy(child.command);
  await assert.rejects(
    program.initialize({ clientInfo: { name: "first", version: "1" } }),
    /-32602 its own words/,
  );
  await program.initialize({ clientInfo: { name: "second", version: "1" } });
  assert.deepEqual((await program.request("tools/list")).result, {});
  assert.equal(child.lines.filter((line) => line === "started").length, 2);
  assert.equal(child.lines.filter((line) => line.includes("server/discover")).length, 1);
  assert.doesNotMatch(program.stderr(), /ERROR/);
});

Deno.test("A legacy child is asked nothing but what the client says", async () => {
  await using child = scriptedChild();
  await using program = await proxied(child.command);
  await program.send('{"jsonrpc":"2.0",  "id":7,"method":"tools/list","params":{"n":1E400}}');
  await program.response(7);
  assert.deepEqual(child.lines.map((line) => JSON.parse(line.replace("1E400", "1")).method), [
    "initialize",
    "notifications/initialized",
    "tools/list",
  ]);
  assert.equal(child.lines[2], '{"jsonrpc":"2.0",  "id":7,"method":"tools/list","params":{"n":1E400}}');
});

Deno.test("A modern child that dies is replaced, and is listened to once, with all subscriptions", async () => {
  const acknowledge =
    `say(JSON.stringify({ jsonrpc: "2.0", method: "notifications/subscriptions/acknowledged", params: { notifications: message.params.notifications, _meta: { "io.modelcontextprotocol/subscriptionId": message.id } } }));`;
  await using child = scriptedChild({
    "start": "note('started')",
    "initialize": REFUSE,
    "server/discover": `reply(${JSON.stringify(DISCOVERED)});`,
    "subscriptions/listen": acknowledge,
    "x/die": "Deno.exit(1);",
  });
  await using program = await proxied(child.command, { args: ["--retry-delay", "1"] });
  assert.deepEqual((await program.request("resources/subscribe", { uri: "x://y" })).result, {});
  const { error } = await program.request("x/die");
  assert.equal(error?.data.code, "CONNECTION_LOST");
  await program.waitStderr(/established again/);
  assert.deepEqual((await program.request("tools/list")).result, {});
  const again = child.lines.slice(child.lines.lastIndexOf("started") + 1).map((line) => JSON.parse(line));
  // Known to be modern, it is not greeted as a legacy server first.
  assert.deepEqual(again.map(({ method }) => method).filter((it) => it !== "notifications/cancelled"), [
    "server/discover",
    "subscriptions/listen",
    "subscriptions/listen",
    "tools/list",
  ]);
  const listens = again.filter(({ method }) => method === "subscriptions/listen");
  assert.deepEqual(listens[1].params.notifications, {
    toolsListChanged: true,
    resourceSubscriptions: ["x://y"],
  });
  const ended = again.filter(({ method }) => method === "notifications/cancelled");
  assert.deepEqual(ended.map(({ params }) => params.requestId), [listens[0].id]);
});

Deno.test("What a client says before its handshake is over reaches a modern server on TCP as it wants it", async () => {
  await using server = await startRawLineServer({
    on: {
      "initialize": (message, peer) => peer.error(message, -32601, "Method not found"),
      "server/discover": (message, peer) =>
        peer.result(message, { ...DISCOVERED, capabilities: { tools: {} } }),
    },
  });
  await using program = startProxy(server.endpoint);
  const clientInfo = { name: "c", version: "1" };
  await program.send(
    [
      {
        jsonrpc: "2.0",
        id: 0,
        method: "initialize",
        params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo },
      },
      { jsonrpc: "2.0", method: "notifications/initialized" },
      { jsonrpc: "2.0", id: 1, method: "tools/list" },
      { jsonrpc: "2.0", id: 2, method: "tools/call", params: { name: "echo", arguments: { n: 1 } } },
    ].map((it) => JSON.stringify(it)).join("\n"),
  );
  await program.response(0);
  assert.equal((await program.response(1)).result.tools[0].name, "echo");
  assert.deepEqual((await program.response(2)).result.structuredContent, { n: 1 });
  assert.deepEqual(server.received.map(({ messages }) => messages[0]?.method), [
    "initialize",
    "server/discover",
    "tools/list",
    "tools/call",
  ]);
  for (const { messages } of server.received.slice(2)) {
    assert.equal(messages[0]!.params._meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
  }
});

Deno.test("A server on TCP that ends a listening is listened to again", async () => {
  let listens = 0;
  await using server = await startRawLineServer({
    on: {
      "initialize": (message, peer) => peer.error(message, -32601, "Method not found"),
      "server/discover": (message, peer) => peer.result(message, DISCOVERED),
      "subscriptions/listen": async (message, peer) => {
        const _meta = { "io.modelcontextprotocol/subscriptionId": message.id };
        const { notifications } = message.params;
        await peer.notify("notifications/subscriptions/acknowledged", { notifications, _meta });
        if (listens++ === 0) await peer.notify("notifications/cancelled", { requestId: message.id });
        else await peer.notify("notifications/tools/list_changed", { _meta });
      },
    },
  });
  await using program = await proxied(server.endpoint);
  await program.nextMethod("notifications/tools/list_changed");
  await program.nextMethod("notifications/tools/list_changed");
  assert.equal(listens, 2);
  assert.equal(program.messages.some(({ method }) => method === "notifications/cancelled"), false);
});
