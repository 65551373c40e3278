/** Modern clients at servers of both eras: the official client v2, the real program, servers of the official SDKs v1 and v2. */
import assert from "node:assert/strict";
import { z } from "zod";
import { EVERYTHING_STDIO_COMMAND, startEverything } from "../support/everything.ts";
import {
  MODERN_STDIO_COMMAND,
  type ModernServer,
  startModernHttpServer,
  startModernTcpServer,
} from "../support/modern_servers.ts";
import {
  SDK_STDIO_COMMAND,
  type SdkServer,
  startSdkHttpServer,
  startSdkSseServer,
  startSdkTcpServer,
} from "../support/sdk_servers.ts";
import { type ModernOfficialClient, modernOfficialClient } from "./modern_official_client.ts";

const CODE = (wanted: number) => ({ code }: { code: number }) => code === wanted;
const LEVEL = "io.modelcontextprotocol/logLevel";

/** The steps of progress, as they came: the client forgets its handler as soon as the answer is there. */
function steps({ wire }: ModernOfficialClient): unknown[] {
  return wire.items.filter(({ method }) => method === "notifications/progress").map(({ params }) =>
    params.progress
  );
}

/** Every result says what it is, and the lists how long they hold. */
function assertStamped({ wire }: ModernOfficialClient): void {
  const results = wire.items.filter(({ result }) => result !== undefined).map(({ result }) => result);
  assert.ok(results.length > 10);
  for (const result of results) {
    assert.ok(["complete", "input_required"].includes(result.resultType), JSON.stringify(result));
    const list = "tools" in result || "prompts" in result || "resources" in result || "contents" in result;
    if (list) assert.deepEqual([result.ttlMs, result.cacheScope], [0, "private"]);
  }
}

// Modern servers --------------------------------------------------------------------------------------------------

async function askModern({ client, call }: ModernOfficialClient): Promise<void> {
  assert.deepEqual(client.getServerVersion(), { name: "modern-server", version: "2.0.0" });
  assert.equal(client.getInstructions(), "A modern server for tests.");
  const capabilities = client.getServerCapabilities() as Record<string, unknown>;
  assert.deepEqual(capabilities.extensions, { "com.example/x": { level: 3 } });
  const { tools } = await client.listTools();
  assert.equal((tools.find(({ name }) => name === "list")?.outputSchema as { type: string }).type, "array");
  assert.equal(await call("echo", { text: "ü \u2028 😀" }), "ü \u2028 😀");
  const many = Array.from({ length: 30 }, (_, i) => `text ${i}`);
  assert.deepEqual(await Promise.all(many.map((text) => call("echo", { text }))), many);
  const { structuredContent } = await client.callTool({ name: "list", arguments: {} });
  assert.deepEqual(structuredContent, [1, 2]);
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
    client.request({ method: "x-vendor/unknown", params: { a: 1 } }, z.object({})),
    CODE(-32601),
  );
  await assert.rejects(client.readResource({ uri: "test://nowhere" }), CODE(-32602));
}

async function hearModern(official: ModernOfficialClient): Promise<void> {
  const { client, call, asked, seen } = official;
  assert.deepEqual(JSON.parse(await call("who")), { name: "Ada (who)", state: "ä\u2028" });
  assert.deepEqual(JSON.parse(await call("twice")).second.content, { name: "Ada (second)" });
  const both = JSON.parse(await call("both"));
  assert.deepEqual(both.form.content, { name: "Ada (both)" });
  assert.match(both.model.content.text, /sampled .*hello/);
  assert.deepEqual(both.roots.roots, [{ uri: "file:///project", name: "ü" }]);
  assert.equal(JSON.parse(await call("open")).page.action, "accept");
  assert.ok(asked.items.includes("url https://example.com/in"));
  const { messages } = await client.getPrompt({ name: "ask", arguments: {} });
  assert.match((messages[0]?.content as { text: string }).text, /For Ada/);

  await client.callTool({ name: "steps", arguments: { count: 20 } }, { onprogress: () => {} });
  assert.deepEqual(steps(official), Array.from({ length: 20 }, (_, i) => i + 1));
  await call("log", { text: "not wanted" });
  await client.callTool({ name: "log", arguments: { text: "wanted" }, _meta: { [LEVEL]: "info" } });
  await seen.find((item) => item === "log warning wanted");
  assert.equal(seen.items.includes("log warning not wanted"), false);
}

async function listenToModern({ call, listen, seen }: ModernOfficialClient): Promise<void> {
  const lists = await listen({
    toolsListChanged: true,
    promptsListChanged: true,
    resourcesListChanged: true,
  });
  const resource = await listen({ resourceSubscriptions: ["test://text"] });
  assert.deepEqual(resource.honoredFilter, { resourceSubscriptions: ["test://text"] });
  await call("touch", { uri: "test://text" });
  await seen.find((item) => item === "updated test://text");
  for (const list of ["tools", "prompts", "resources"]) {
    await call("change", { list });
    await seen.find((item) => item === list);
  }
  await resource.close();
  await call("change", { list: "tools" });
  await seen.findMany(2, (item) => item === "tools");
  await lists.close();
}

const modernServers: Record<string, () => ModernServer | Promise<ModernServer>> = {
  "Streamable HTTP": () => startModernHttpServer(),
  "TCP": () => startModernTcpServer(),
};

for (const [name, start] of Object.entries(modernServers)) {
  Deno.test(`A modern client has everything a modern server offers over ${name}`, async () => {
    await using server = await start();
    await using official = await modernOfficialClient(["--endpoint", server.url]);
    await askModern(official);
    await hearModern(official);
    await listenToModern(official);
    const abort = new AbortController();
    const slow = official.client.callTool({ name: "slow", arguments: {} }, { signal: abort.signal });
    await server.events.find((item) => item === "slow");
    abort.abort("enough");
    await assert.rejects(slow);
    await server.events.find((item) => item === "cancelled");
    assert.equal(await official.call("echo", { text: "still here" }), "still here");
    assert.equal(server.requests.items.some(({ body }) => body.includes('"initialize"')), false);
  });

  Deno.test(`A modern server is told what the client has not declared over ${name}`, async () => {
    await using server = await start();
    await using official = await modernOfficialClient(["--endpoint", server.url], {
      capabilities: {},
      probesInPlace: true,
    });
    await assert.rejects(official.call("who"), CODE(-32021));
    assert.equal(await official.call("echo", { text: "on" }), "on");
  });
}

Deno.test("A modern client has everything a modern server offers as a child process", async () => {
  await using official = await modernOfficialClient(["--log-level", "info", "--", ...MODERN_STDIO_COMMAND]);
  await askModern(official);
  await hearModern(official);
  await listenToModern(official);
  const abort = new AbortController();
  const slow = official.client.callTool({ name: "slow", arguments: {} }, { signal: abort.signal });
  await official.stderr.find((text) => text.includes("event: slow"));
  abort.abort("enough");
  await assert.rejects(slow);
  await official.stderr.find((text) => text.includes("event: cancelled"));
  assert.equal(await official.call("echo", { text: "still here" }), "still here");
});

// Legacy servers --------------------------------------------------------------------------------------------------

async function askLegacy({ client, call, wire }: ModernOfficialClient): Promise<void> {
  assert.deepEqual(client.getServerVersion(), { name: "sdk-server", version: "1.0.0" });
  assert.equal(client.getInstructions(), "A server for tests.");
  const capabilities = client.getServerCapabilities()!;
  assert.deepEqual(capabilities.logging, {});
  assert.deepEqual(capabilities.resources, { subscribe: true, listChanged: true });

  assert.equal((await client.listTools()).tools.length, 17);
  assert.equal(await call("echo", { text: "ü \u2028 😀" }), "ü \u2028 😀");
  const added = await client.callTool({ name: "add", arguments: { a: 1, b: 2 } });
  assert.deepEqual(added.structuredContent, { sum: 3 });
  assert.equal((await client.callTool({ name: "fail", arguments: {} })).isError, true);
  assert.equal((await call("big", { bytes: 1_000_000 })).length, 1_000_000);
  const many = Array.from({ length: 50 }, (_, i) => `text ${i}`);
  assert.deepEqual(await Promise.all(many.map((text) => call("echo", { text }))), many);

  assert.equal((await client.listResources()).resources[0]?.uri, "test://text");
  const { resourceTemplates } = await client.listResourceTemplates();
  assert.equal(resourceTemplates[0]?.uriTemplate, "test://item/{name}");
  const { contents } = await client.readResource({ uri: "test://item/Ada" });
  assert.equal((contents[0] as { text: string }).text, "Ada");
  assert.equal((await client.listPrompts()).prompts[0]?.name, "greet");
  assert.equal((await client.getPrompt({ name: "greet", arguments: { name: "Ada" } })).messages.length, 1);
  const { completion } = await client.complete({
    ref: { type: "ref/prompt", name: "greet" },
    argument: { name: "name", value: "A" },
  });
  assert.deepEqual(completion.values, ["Ada", "Alan"]);
  await assert.rejects(
    client.request({ method: "x-vendor/unknown", params: { a: 1 } }, z.object({})),
    CODE(-32601),
  );
  await assert.rejects(client.readResource({ uri: "test://nowhere" }), CODE(-32602));
  await assert.rejects(client.readResource({ uri: "test://gone" }), CODE(-32602));
  assert.deepEqual(wire.items.at(-1)?.error?.code, -32602, "-32002 is not of this era");
}

async function hearLegacy(official: ModernOfficialClient): Promise<void> {
  const { client, call, asked, seen } = official;
  assert.match(JSON.parse(await call("sample", { prompt: "hello?" })).content.text, /sampled .*hello\?/);
  const elicited = async (message: string) => JSON.parse(await call("elicit", { message }));
  assert.deepEqual(await elicited("who"), { action: "accept", content: { name: "Ada (who)" } });
  assert.deepEqual(await elicited("decline this"), { action: "decline" });
  assert.deepEqual(await elicited("cancel this"), { action: "cancel" });
  assert.deepEqual(JSON.parse(await call("roots")), { roots: [{ uri: "file:///project", name: "ü" }] });
  const opened = async (url: string) => JSON.parse(await call("open", { url }));
  assert.deepEqual(await opened("https://example.com/a"), { action: "accept" });
  assert.deepEqual(await opened("https://example.com/decline"), { action: "decline" });
  assert.ok(asked.items.includes("url https://example.com/a"));
  const { who, model, roots } = JSON.parse(await call("both"));
  assert.deepEqual(who.content, { name: "Ada (both)" });
  assert.match(model.content.text, /sampled .*hello/);
  assert.deepEqual(roots.roots, [{ uri: "file:///project", name: "ü" }]);
  const { first, second } = JSON.parse(await call("twice"));
  assert.deepEqual([first.content, second.content], [{ name: "Ada (first)" }, { name: "Ada (second)" }]);
  assert.equal(await call("signIn"), "signed in");
  const { messages } = await client.getPrompt({ name: "ask", arguments: {} });
  assert.equal((messages[0]?.content as { text: string }).text, "For Ada (prompt)");
  const { contents } = await client.readResource({ uri: "test://asked" });
  assert.equal((contents[0] as { text: string }).text, "For Ada (resource)");

  await client.callTool({ name: "progress", arguments: { steps: 20 } }, { onprogress: () => {} });
  assert.deepEqual(steps(official), Array.from({ length: 20 }, (_, i) => i + 1));
  await call("log", { level: "error", data: "not wanted" });
  const log = (level: string, data: string) =>
    client.callTool({ name: "log", arguments: { level, data }, _meta: { [LEVEL]: "warning" } });
  await log("error", "wanted");
  await seen.find((item) => item === "log error wanted");
  await log("info", "too quiet");
  await log("error", "wanted as well");
  await seen.find((item) => item === "log error wanted as well");
  assert.deepEqual(seen.items.filter((item) => item.startsWith("log")), [
    "log error wanted",
    "log error wanted as well",
  ]);
}

async function listenToLegacy({ call, listen, seen, wire }: ModernOfficialClient): Promise<void> {
  const all = await listen({
    toolsListChanged: true,
    promptsListChanged: true,
    resourcesListChanged: true,
    resourceSubscriptions: ["test://text", "test://item/Ada"],
  });
  const few = await listen({ toolsListChanged: true, resourceSubscriptions: ["test://text"] });
  assert.deepEqual(few.honoredFilter, { toolsListChanged: true, resourceSubscriptions: ["test://text"] });
  await call("touch", { uri: "test://text" });
  // Each stream has its own.
  await seen.findMany(2, (item) => item === "updated test://text");
  await call("touch", { uri: "test://item/Ada" });
  await seen.find((item) => item === "updated test://item/Ada");
  await few.close();
  await call("touch", { uri: "test://text" });
  await seen.findMany(3, (item) => item === "updated test://text");
  for (const list of ["tools", "prompts", "resources"]) {
    await call("change", { list });
    await seen.find((item) => item === list);
  }
  await all.close();
  await call("touch", { uri: "test://text" });
  await call("change", { list: "tools" });
  assert.equal(seen.items.filter((item) => item === "updated test://text").length, 3);
  assert.equal(seen.items.filter((item) => item === "tools").length, 1);
  for (const { method, params } of wire.items) {
    if (!method?.endsWith("list_changed") && method !== "notifications/resources/updated") continue;
    assert.match(String(params._meta["io.modelcontextprotocol/subscriptionId"]), /^listen:/);
  }
}

async function cancelLegacy({ client, call }: ModernOfficialClient, server: SdkServer): Promise<void> {
  const abort = new AbortController();
  const slow = client.callTool({ name: "slow", arguments: {} }, { signal: abort.signal });
  await server.recorded(({ slow }) => slow.length > 0);
  abort.abort("enough");
  await assert.rejects(slow);
  await server.recorded(({ cancelled }) => cancelled.length > 0);
  assert.deepEqual(server.record.cancelled, server.record.slow);
  assert.equal(await call("echo", { text: "still here" }), "still here");
}

const legacyServers: Record<string, () => Promise<SdkServer>> = {
  "Streamable HTTP": () => startSdkHttpServer(),
  "HTTP+SSE": startSdkSseServer,
  "TCP": () => startSdkTcpServer(),
};

for (const [name, start] of Object.entries(legacyServers)) {
  Deno.test(`A modern client has everything a legacy server offers over ${name}`, async () => {
    await using server = await start();
    await using official = await modernOfficialClient(["--endpoint", server.url]);
    await askLegacy(official);
    await hearLegacy(official);
    await listenToLegacy(official);
    await server.recorded(({ subscriptions }) => subscriptions.size === 0);
    await cancelLegacy(official, server);
    assertStamped(official);
    assert.deepEqual(official.stderr.items, []);
  });

  Deno.test(`A legacy server is not let to ask for what a modern client has not declared over ${name}`, async () => {
    await using server = await start();
    await using official = await modernOfficialClient(["--endpoint", server.url], {
      capabilities: { elicitation: {} },
      probesInPlace: true,
    });
    for (
      const [tool, args] of [["sample", { prompt: "p" }], ["roots", {}], ["open", { url: "x://y" }]] as const
    ) {
      const { isError } = await official.client.callTool({ name: tool, arguments: args });
      assert.equal(isError, true, tool);
    }
    await assert.rejects(official.call("signIn"), CODE(-32021));
    assert.match(await official.call("elicit", { message: "who" }), /Ada/);
    assert.deepEqual(official.asked.items, ["form who"]);
  });
}

for (const options of [{ json: true }, { stateless: true }]) {
  Deno.test(`A modern client asks a legacy server with ${JSON.stringify(options)}`, async () => {
    await using server = await startSdkHttpServer(options);
    await using official = await modernOfficialClient(["--endpoint", server.url]);
    await askLegacy(official);
    assertStamped(official);
  });
}

Deno.test("A modern client has everything a legacy server offers as a child process", async () => {
  await using official = await modernOfficialClient(["--log-level", "info", "--", ...SDK_STDIO_COMMAND]);
  await askLegacy(official);
  await hearLegacy(official);
  await listenToLegacy(official);
  await official.stderr.find((text) => text.includes("subscribed to 0"));
  const abort = new AbortController();
  const slow = official.client.callTool({ name: "slow", arguments: {} }, { signal: abort.signal });
  await official.stderr.find((text) => text.includes("slow 1, cancelled 0"));
  abort.abort("enough");
  await assert.rejects(slow);
  await official.stderr.find((text) => text.includes("slow 1, cancelled 1"));
  assertStamped(official);
});

// The reference server ----------------------------------------------------------------------------------------------

async function playReference(official: ModernOfficialClient): Promise<void> {
  const { client, call, listen } = official;
  assert.match(client.getServerVersion()?.name ?? "", /everything/);
  const tools = (await client.listTools()).tools.map(({ name }) => name);
  assert.ok(
    tools.includes("trigger-sampling-request"),
    "tools that need the client's capabilities are there",
  );
  assert.equal(await call("echo", { message: "ü😀" }), "Echo: ü😀");
  assert.match(await call("get-sum", { a: 2, b: 40 }), /42/);
  const { content } = await client.callTool({ name: "get-tiny-image", arguments: {} });
  assert.ok((content as { type: string }[]).some(({ type }) => type === "image"));
  await client.callTool({ name: "trigger-long-running-operation", arguments: { duration: 0.5, steps: 3 } }, {
    onprogress: () => {},
  });
  assert.deepEqual(steps(official), [1, 2, 3]);
  assert.match(await call("trigger-sampling-request", { prompt: "hello?", maxTokens: 10 }), /sampled/);
  const asked = await client.callTool({ name: "trigger-elicitation-request", arguments: {} });
  assert.match(JSON.stringify(asked.content), /Ada/);
  assert.match(await call("get-roots-list"), /file:\/\/\/project/);
  const { resources } = await client.listResources();
  const uri = resources[0]!.uri;
  assert.equal((await client.readResource({ uri })).contents[0]?.uri, uri);
  const subscription = await listen({ toolsListChanged: true, resourceSubscriptions: [uri] });
  assert.deepEqual(subscription.honoredFilter.resourceSubscriptions, [uri]);
  await subscription.close();
  assert.equal((await client.getPrompt({ name: "simple-prompt" })).messages.length, 1);
  const { completion } = await client.complete({
    ref: { type: "ref/prompt", name: "completable-prompt" },
    argument: { name: "department", value: "E" },
  });
  assert.deepEqual(completion.values, ["Engineering"]);
}

for (const transport of ["streamableHttp", "sse"] as const) {
  Deno.test(`A modern client plays with the reference server over ${transport}`, async () => {
    await using server = await startEverything(transport);
    await using official = await modernOfficialClient(["--endpoint", server.url], { probesInPlace: true });
    await playReference(official);
  });
}

Deno.test("A modern client plays with the reference server as a child process", async () => {
  await using official = await modernOfficialClient(["--", ...EVERYTHING_STDIO_COMMAND], {
    probesInPlace: true,
  });
  await playReference(official);
});
