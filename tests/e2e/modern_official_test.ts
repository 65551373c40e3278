/** Legacy clients at modern-only servers: the official client v1, the real program, servers of the official SDK v2. */
import assert from "node:assert/strict";
// @ts-types="@modelcontextprotocol/sdk/types"
import { EmptyResultSchema } from "@modelcontextprotocol/sdk/types.js";
import {
  MODERN_STDIO_COMMAND,
  type ModernServer,
  startModernHttpServer,
  startModernTcpServer,
} from "../support/modern_servers.ts";
import { type OfficialClient, officialClient } from "./official_tour.ts";
import { proxied, startProxy } from "./proxied.ts";

const CODE = (wanted: number) => ({ code }: { code: number }) => code === wanted;

/** Requests and answers. */
async function askEverything({ client, call }: OfficialClient): Promise<void> {
  assert.deepEqual(client.getServerVersion(), { name: "modern-server", version: "2.0.0" });
  assert.equal(client.getInstructions(), "A modern server for tests.");
  const capabilities = client.getServerCapabilities() as Record<string, unknown>;
  assert.deepEqual(capabilities.extensions, { "com.example/x": { level: 3 } });
  assert.deepEqual(await client.ping(), {});

  const { tools } = await client.listTools();
  assert.deepEqual(tools.find(({ name }) => name === "list")?.outputSchema?.required, ["result"]);
  assert.equal(await call("echo", { text: "ü \u2028 😀" }), "ü \u2028 😀");
  const many = Array.from({ length: 30 }, (_, i) => `text ${i}`);
  assert.deepEqual(await Promise.all(many.map((text) => call("echo", { text }))), many);
  // The client checks it against the schema that it was shown.
  const listed = await client.callTool({ name: "list", arguments: {} });
  assert.deepEqual(listed.structuredContent, { result: [1, 2] });
  assert.deepEqual(listed.content, [{ type: "text", text: "[1,2]" }]);
  assert.equal(await call("region", { region: "Zürich ", text: "x" }), "region Zürich ");

  assert.equal((await client.listResources()).resources[0]?.uri, "test://text");
  assert.equal((await client.listResourceTemplates()).resourceTemplates.length, 1);
  const { contents } = await client.readResource({ uri: "test://item/Ada" });
  assert.equal((contents[0] as { text: string }).text, "Ada");
  assert.equal((await client.listPrompts()).prompts.length, 2);
  assert.equal((await client.getPrompt({ name: "greet", arguments: { name: "Ada" } })).messages.length, 1);
  const { completion } = await client.complete({
    ref: { type: "ref/prompt", name: "greet" },
    argument: { name: "name", value: "A" },
  });
  assert.deepEqual(completion.values, ["Ada", "Alan"]);
  await assert.rejects(
    client.request({ method: "x-vendor/unknown", params: { a: 1 } }, EmptyResultSchema),
    CODE(-32601),
  );
  await assert.rejects(
    client.request({ method: "tasks/list", params: {} }, EmptyResultSchema),
    CODE(-32601),
  );
  await assert.rejects(client.readResource({ uri: "test://nowhere" }));
}

/** What the server wants to know before it goes on, what it says meanwhile. */
async function hearServer({ client, call, seen }: OfficialClient): Promise<void> {
  assert.deepEqual(JSON.parse(await call("who")), { name: "Ada (who)", state: "ä\u2028" });
  assert.deepEqual(JSON.parse(await call("twice")).second.content, { name: "Ada (second)" });
  const both = JSON.parse(await call("both"));
  assert.deepEqual(both.form.content, { name: "Ada (both)" });
  assert.match(both.model.content.text, /sampled .*hello/);
  assert.deepEqual(both.roots.roots, [{ uri: "file:///project", name: "ü" }]);
  const { messages } = await client.getPrompt({ name: "ask", arguments: {} });
  assert.match((messages[0]?.content as { text: string }).text, /For Ada/);
  const refused = await client.callTool({ name: "open", arguments: {} });
  assert.equal(refused.isError, true, "the client has not declared that it shows URLs");

  const steps: unknown[] = [];
  const { transport } = client;
  const receive = transport!.onmessage;
  transport!.onmessage = (message, extra) => {
    if ("method" in message && message.method === "notifications/progress") {
      steps.push(message.params?.["progress"]);
    }
    receive?.(message, extra);
  };
  await client.callTool({ name: "steps", arguments: { count: 20 } }, undefined, { onprogress: () => {} });
  assert.deepEqual(steps, Array.from({ length: 20 }, (_, i) => i + 1));

  await call("log", { text: "too early" });
  await client.setLoggingLevel("info");
  await call("log", { text: "now" });
  await seen.find((item) => item === "log warning now");
  assert.equal(seen.items.includes("log warning too early"), false);
}

/** What is listened for. */
async function listen({ client, call, seen }: OfficialClient): Promise<void> {
  await client.subscribeResource({ uri: "test://text" });
  await call("touch", { uri: "test://text" });
  await seen.find((item) => item === "updated test://text");
  for (const list of ["tools", "prompts", "resources"]) {
    await call("change", { list });
    await seen.find((item) => item === list);
  }
  await client.unsubscribeResource({ uri: "test://text" });
}

async function cancelACall({ client, call }: OfficialClient, server: ModernServer): Promise<void> {
  const abort = new AbortController();
  const slow = client.callTool({ name: "slow", arguments: {} }, undefined, { signal: abort.signal });
  await server.events.find((item) => item === "slow");
  abort.abort("enough");
  await assert.rejects(slow);
  await server.events.find((item) => item === "cancelled");
  assert.equal(await call("echo", { text: "still here" }), "still here");
}

const servers: Record<string, () => ModernServer | Promise<ModernServer>> = {
  "Streamable HTTP": () => startModernHttpServer(),
  "TCP": () => startModernTcpServer(),
};

for (const [name, start] of Object.entries(servers)) {
  Deno.test(`A legacy client has everything a modern server offers over ${name}`, async () => {
    await using server = await start();
    await using official = await officialClient(["--endpoint", server.url]);
    await askEverything(official);
    await hearServer(official);
    await listen(official);
    await cancelACall(official, server);
  });

  Deno.test(`--protocol modern asks nothing of the other era over ${name}`, async () => {
    await using server = await start();
    await using official = await officialClient(["--endpoint", server.url, "--protocol", "modern"]);
    assert.equal(await official.call("echo", { text: "a" }), "a");
    assert.equal(server.requests.items.some(({ body }) => body.includes('"initialize"')), false);
  });

  Deno.test(`--protocol legacy shows what a modern server says to the other era over ${name}`, async () => {
    await using server = await start();
    await using program = startProxy(server.url, { args: ["--protocol", "legacy"] });
    await assert.rejects(program.initialize(), /-32022/);
    assert.equal(server.requests.items.some(({ body }) => body.includes("server/discover")), false);
  });
}

Deno.test("A legacy client has everything a modern server offers as a child process", async () => {
  await using official = await officialClient(["--", ...MODERN_STDIO_COMMAND]);
  await askEverything(official);
  await hearServer(official);
  await listen(official);
});

Deno.test("A call of a modern child is cancelled under the id that is in flight", async () => {
  await using program = await proxied(MODERN_STDIO_COMMAND, { args: ["--log-level", "info"] });
  await program.send({
    jsonrpc: "2.0",
    id: "s",
    method: "tools/call",
    params: { name: "slow", arguments: {} },
  });
  await program.waitStderr(/event: slow/);
  await program.notify("notifications/cancelled", { requestId: "s" });
  await program.waitStderr(/event: cancelled/);
  const { result } = await program.request("tools/call", { name: "echo", arguments: { text: "on" } });
  assert.equal(result.content[0].text, "on");
});

Deno.test("The end of stdin ends the listening and the program at once", async () => {
  await using server = startModernHttpServer();
  await using program = await proxied(server.url);
  await server.requests.find(({ body }) => body.includes("subscriptions/listen"));
  const start = performance.now();
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
  assert.ok(performance.now() - start < 3000);
});

Deno.test("Listening goes on at a server that was restarted, and the client hears that it may have missed changes", async () => {
  let server = startModernHttpServer();
  try {
    await using program = await proxied(server.url);
    await server.requests.find(({ body }) => body.includes("subscriptions/listen"));
    await server.close();
    server = startModernHttpServer({ port: server.port });
    await server.requests.find(({ body }) => body.includes("subscriptions/listen"));
    await program.nextMethod("notifications/tools/list_changed");
    server.notify!.promptsChanged();
    await program.nextMethod("notifications/prompts/list_changed");
    assert.equal(server.requests.items.some(({ body }) => body.includes('"initialize"')), false);
    const { result } = await program.request("tools/call", { name: "echo", arguments: { text: "a" } });
    assert.equal(result.content[0].text, "a");
  } finally {
    await server.close();
  }
});

Deno.test("A modern server on TCP that was restarted is found again, without a greeting of the other era", async () => {
  let server = await startModernTcpServer();
  try {
    await using program = await proxied(server.url, { args: ["--debug"] });
    await program.request("tools/call", { name: "echo", arguments: { text: "a" } });
    await server.close();
    server = await startModernTcpServer({ port: server.port });
    await program.waitStderr(/established again/);
    const { result } = await program.request("tools/call", { name: "echo", arguments: { text: "b" } });
    assert.equal(result.content[0].text, "b");
    await program.request("resources/subscribe", { uri: "test://text" });
    await program.request("tools/call", { name: "touch", arguments: { uri: "test://text" } });
    await program.nextMethod("notifications/resources/updated");
  } finally {
    await server.close();
  }
});

for (
  const [name, start] of [
    ["Streamable HTTP", (port?: number) => startModernHttpServer(port === undefined ? {} : { port })],
    ["TCP", (port?: number) => startModernTcpServer(port === undefined ? {} : { port })],
  ] as const
) {
  Deno.test(`Every request is answered once, questions and all, while a modern server restarts (${name})`, async () => {
    let server = await start();
    try {
      await using program = await proxied(server.url, {
        args: ["--retry-delay", "10"],
        initialize: { capabilities: { elicitation: {} } },
      });
      program.respond("elicitation/create", () => ({ action: "accept", content: { name: "Ada" } }));
      const ids: string[] = [];
      const answers: Promise<unknown>[] = [];
      for (let i = 0; i < 120; i++) {
        const id = `n${i}`;
        ids.push(id);
        const call = (tool: string, args = {}) => ({
          method: "tools/call",
          params: { name: tool, arguments: args },
        });
        const what = [
          call("who"),
          call("echo", { text: id }),
          { method: "tools/list" },
          { method: "prompts/get", params: { name: "ask" } },
          { method: "resources/subscribe", params: { uri: `test://item/${i}` } },
          call("twice"),
        ][i % 6]!;
        await program.send({ jsonrpc: "2.0", id, ...what });
        answers.push(program.response(id, 60_000));
        if (i !== 60) continue;
        await server.close();
        server = await start(server.port);
      }
      // What may be repeated has come through.
      for (const [i, answer] of (await Promise.all(answers)).entries()) {
        const { error } = answer as { error?: { message: string } };
        if ([2, 3].includes(i % 6)) assert.equal(error, undefined, `${ids[i]}: ${error?.message}`);
      }
      for (const id of ids) {
        assert.equal(program.messages.filter((it) => it.id === id && it.method === undefined).length, 1, id);
      }
      const { result } = await program.request("tools/call", { name: "who", arguments: {} });
      assert.match(result.content[0].text, /Ada/);
    } finally {
      await server.close();
    }
  });
}
