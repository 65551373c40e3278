/** What a client sees while the person takes his time to sign in. */
import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
// @ts-types="@modelcontextprotocol/sdk/server/mcp"
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";
import type { Program } from "../support/program.ts";
import { leave, signIn } from "../support/test_browser.ts";
import { type Place, type PlaceOptions, startPlace } from "./signed_in_place.ts";

const WAIT = ["--auth-wait", "0.3"];
const LOGIN_REQUIRED = -31017;

/** A place with a person who takes his time. */
async function slowPlace(options?: PlaceOptions): Promise<Place> {
  const place = await startPlace(options);
  place.browser.onOpen = leave;
  return place;
}

/** A server with tools, and nothing else. */
function toolsOnly(): McpServer {
  const mcp = new McpServer({ name: "few", version: "3.0.0" });
  mcp.registerTool("echo", { inputSchema: { text: z.string() } }, ({ text }) => ({
    content: [{ type: "text", text }],
  }));
  return mcp;
}

/** Tries again and again. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 15_000; !await holds();) {
    ok(performance.now() < end, "it did not come true");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const LISTS = ["tools", "prompts", "resources"];

async function listsChanged(program: Program): Promise<void> {
  for (const list of LISTS) await program.nextMethod(`notifications/${list}/list_changed`);
}

/** The first tab, in which the person signs in now. */
async function signInNow(place: Place, tab = 0): Promise<void> {
  await place.browser.tabs.findMany(tab + 1, () => true);
  strictEqual((await signIn(place.browser.tabs.items[tab]!)).status, 200);
}

Deno.test("initialize is answered before the person has signed in; then requests name the address, and then they work", async () => {
  await using place = await slowPlace({ make: toolsOnly });
  await using program = place.proxy(WAIT);
  const started = performance.now();
  const result = await program.initialize({ protocolVersion: "2025-06-18" });
  ok(performance.now() - started < 10_000);
  deepStrictEqual(result, {
    protocolVersion: "2025-06-18",
    capabilities: {
      tools: { listChanged: true },
      prompts: { listChanged: true },
      resources: { listChanged: true },
    },
    serverInfo: { name: new URL(place.server.url).host, version: "" },
  });
  const tab = await place.browser.tabs.find(() => true);
  const { error } = await program.request("tools/list");
  strictEqual(error?.code, LOGIN_REQUIRED);
  const { code, url, hint } = error!.data as Record<string, string>;
  deepStrictEqual([code, url], ["LOGIN_REQUIRED", tab.href]);
  match(hint!, /sign in/);
  match(error!.message!, /has to sign in/);

  await signInNow(place);
  await listsChanged(program);
  const { result: tools } = await program.request("tools/list");
  strictEqual(tools.tools.length, 1);
  // What the server turns out to lack.
  deepStrictEqual((await program.request("prompts/list")).result, { prompts: [] });
  deepStrictEqual((await program.request("resources/list")).result, { resources: [] });
  strictEqual((await program.request("prompts/get", { name: "x" })).error?.code, -32601);
  strictEqual(place.browser.tabs.items.length, 1);
  // The server has the session that the client believes in.
  const [initialize] = place.server.requests.items.filter(({ rpc, status }) =>
    rpc === "initialize" && status === 200
  );
  ok(initialize !== undefined);
  ok(place.server.requests.items.some(({ rpc }) => rpc === "notifications/initialized"));
});

Deno.test("a request that waits is answered when the person signs in within --auth-wait, with no error in between", async () => {
  await using place = await slowPlace();
  await using program = place.proxy(["--auth-wait", "30"]);
  const answer = program.request("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "c", version: "1" },
  });
  await signInNow(place);
  strictEqual((await answer).result.serverInfo.name, "sdk-server");
  strictEqual(program.messages.length, 1);
});

Deno.test("the next time, what a server said of itself is shown before the person has signed in", async () => {
  await using place = await slowPlace({ make: toolsOnly });
  {
    await using program = place.proxy(WAIT);
    await program.initialize();
    await signInNow(place);
    await listsChanged(program);
    await program.request("tools/list");
    await program.closeStdin();
    await program.status;
  }
  await place.authorization.revokeAccessTokens();
  await place.authorization.revokeRefreshTokens();
  await using program = place.proxy(WAIT);
  const { capabilities, serverInfo } = await program.initialize();
  deepStrictEqual(serverInfo, { name: "few", version: "3.0.0" });
  deepStrictEqual(capabilities, { tools: { listChanged: true } });
  await signInNow(place, 1);
  await program.nextMethod("notifications/tools/list_changed");
  strictEqual((await program.request("tools/list")).result.tools.length, 1);
});

Deno.test("the same after a first time in which the person was quick", async () => {
  await using place = await startPlace({ make: toolsOnly });
  {
    await using program = place.proxy();
    await program.initialize();
    await program.closeStdin();
    await program.status;
  }
  await place.authorization.revokeAccessTokens();
  await place.authorization.revokeRefreshTokens();
  place.browser.onOpen = leave;
  await using program = place.proxy(WAIT);
  deepStrictEqual((await program.initialize()).serverInfo, { name: "few", version: "3.0.0" });
});

Deno.test("a client that can show addresses is asked to, after it has said initialized, once", async () => {
  await using place = await slowPlace();
  await using program = place.proxy(WAIT);
  const answers: unknown[] = [];
  program.respond("elicitation/create", (params) => {
    answers.push(params);
    return { action: "accept" };
  });
  await program.initialize({ capabilities: { elicitation: { url: {} } } });
  const question = await program.nextMethod("elicitation/create");
  const tab = await place.browser.tabs.find(() => true);
  const { mode, url, message, elicitationId } = question.params as Record<string, string>;
  deepStrictEqual([mode, url], ["url", tab.href]);
  match(message!, /sign in/i);
  ok(elicitationId);
  strictEqual((await program.request("tools/list")).error?.code, LOGIN_REQUIRED);
  await signInNow(place);
  const complete = await program.nextMethod("notifications/elicitation/complete");
  deepStrictEqual(complete.params, { elicitationId });
  await listsChanged(program);
  const { result } = await program.request("tools/list");
  ok(result.tools.length > 0);
  strictEqual(answers.length, 1);
  // Its answer is not the server's business.
  ok(!place.server.requests.items.some(({ rpc, method }) => method === "POST" && rpc === undefined));
});

Deno.test("a client that can show addresses is asked also when the address is known only after its initialize", async () => {
  await using place = await slowPlace();
  await using program = place.proxy(["--auth-wait", "0.001"]);
  await program.initialize({ capabilities: { elicitation: { url: {} } } });
  const question = await program.nextMethod("elicitation/create");
  const tab = await place.browser.tabs.find(() => true);
  strictEqual((question.params as { url: string }).url, tab.href);
});

for (
  const [what, protocolVersion, elicitation] of [
    ["knows forms alone", "2025-11-25", { form: {} }],
    ["knows no mode", "2025-11-25", {}],
    ["is older than addresses", "2025-06-18", { url: {} }],
  ] as const
) {
  Deno.test(`a client that ${what} is not asked to show an address`, async () => {
    await using place = await slowPlace();
    await using program = place.proxy(WAIT);
    await program.initialize({ protocolVersion, capabilities: { elicitation } });
    strictEqual((await program.request("tools/list")).error?.code, LOGIN_REQUIRED);
    ok(!program.messages.some(({ method }) => method === "elicitation/create"));
  });
}

Deno.test("a sign-in that ends in the middle of a session: the client that can show addresses is asked again", async () => {
  await using place = await slowPlace();
  await using program = place.proxy(WAIT);
  program.respond("elicitation/create", () => ({ action: "accept" }));
  await program.initialize({ capabilities: { elicitation: { url: {} } } });
  await program.nextMethod("elicitation/create");
  await signInNow(place);
  await listsChanged(program);
  await place.authorization.revokeAccessTokens();
  await place.authorization.revokeRefreshTokens();
  strictEqual((await program.request("tools/list")).error?.code, LOGIN_REQUIRED);
  const again = await program.nextMethod("elicitation/create");
  strictEqual(
    (again.params as { url: string }).url,
    (await place.browser.tabs.findMany(2, () => true))[1]!.href,
  );
  await signInNow(place, 1);
  await listsChanged(program);
  strictEqual((await program.request("tools/list")).error, undefined);
});

Deno.test("a request that fails for want of a sign-in in the middle of a session is asked for again by the client itself", async () => {
  await using place = await startPlace();
  await using program = place.proxy(WAIT);
  await program.initialize();
  place.browser.onOpen = leave;
  await place.authorization.revokeAccessTokens();
  await place.authorization.revokeRefreshTokens();
  strictEqual((await program.request("tools/list")).error?.code, LOGIN_REQUIRED);
  await signInNow(place, 1);
  await listsChanged(program);
  strictEqual((await program.request("tools/list")).error, undefined);
});

// Modern clients -----------------------------------------------------------------------------------------------------

function modern(capabilities: Record<string, unknown>, params: Record<string, unknown> = {}) {
  return {
    ...params,
    _meta: {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": capabilities,
      "io.modelcontextprotocol/clientInfo": { name: "test-client", version: "1.0.0" },
    },
  };
}

const ECHO = { name: "echo", arguments: { text: "hi" } };

Deno.test("a modern client finds the server out before the person has signed in, and is asked in a tool's answer", async () => {
  await using place = await slowPlace({ era: "modern" });
  await using program = place.proxy(WAIT);
  const url = { elicitation: { url: {} } };
  const { result: discovered } = await program.request("server/discover", modern(url));
  deepStrictEqual(discovered.supportedVersions, ["2026-07-28"]);
  deepStrictEqual(Object.keys(discovered.capabilities).sort(), ["prompts", "resources", "tools"]);
  strictEqual((await program.request("tools/list", modern(url))).error?.code, LOGIN_REQUIRED);

  await place.browser.tabs.find(() => true);
  const { result: asked } = await program.request("tools/call", modern(url, ECHO));
  strictEqual(asked.resultType, "input_required");
  const [[name, question]] = Object.entries(asked.inputRequests) as [[string, Record<string, unknown>]];
  strictEqual(question.method, "elicitation/create");
  const params = question.params as Record<string, unknown>;
  deepStrictEqual([params.mode, params.url], ["url", (await place.browser.tabs.find(() => true)).href]);

  await signInNow(place);
  const { requestState } = asked;
  const round = { ...ECHO, requestState, inputResponses: { [name]: { action: "accept" } } };
  const { result } = await program.request("tools/call", modern(url, round));
  deepStrictEqual(result.content, [{ type: "text", text: "hi" }]);
});

Deno.test("a modern client that can't show addresses gets an error that names it", async () => {
  await using place = await slowPlace({ era: "modern" });
  await using program = place.proxy(WAIT);
  await program.request("server/discover", modern({}));
  await place.browser.tabs.find(() => true);
  const { error } = await program.request("tools/call", modern({ elicitation: { form: {} } }, ECHO));
  strictEqual(error?.code, LOGIN_REQUIRED);
  strictEqual((error!.data as { url: string }).url, (await place.browser.tabs.find(() => true)).href);
});

Deno.test("a modern client that listens is told of the lists once the person has signed in", async () => {
  await using place = await slowPlace({ era: "modern" });
  await using program = place.proxy(WAIT);
  await program.request("server/discover", modern({}));
  const notifications = { toolsListChanged: true };
  await program.send({
    jsonrpc: "2.0",
    id: "listen",
    method: "subscriptions/listen",
    params: modern({}, { notifications }),
  });
  // What comes later fails later.
  strictEqual((await program.request("tools/call", modern({}, ECHO))).error?.code, LOGIN_REQUIRED);
  await signInNow(place);
  await program.nextMethod("notifications/subscriptions/acknowledged");
  const changed = await program.nextMethod("notifications/tools/list_changed");
  const meta = (changed.params as { _meta: Record<string, unknown> })._meta;
  strictEqual(meta["io.modelcontextprotocol/subscriptionId"], "listen");
  strictEqual((await program.request("tools/call", modern({}, ECHO))).error, undefined);
  await program.request("tools/call", modern({}, { name: "change", arguments: { list: "tools" } }));
  await program.nextMethod("notifications/tools/list_changed");
  notStrictEqual(program.messages.find(({ id }) => id === "listen")?.error?.code, LOGIN_REQUIRED);
});

Deno.test("the next time, a modern client is shown what the server said of itself", async () => {
  await using place = await startPlace({ era: "modern" });
  {
    await using program = place.proxy();
    await program.request("server/discover", modern({}));
    await program.closeStdin();
    await program.status;
  }
  await place.authorization.revokeAccessTokens();
  await place.authorization.revokeRefreshTokens();
  place.browser.onOpen = leave;
  await using program = place.proxy(WAIT);
  const { result } = await program.request("server/discover", modern({}));
  const info = { name: "modern-server", version: "2.0.0" };
  deepStrictEqual(result._meta["io.modelcontextprotocol/serverInfo"], info);
  strictEqual(result.instructions, "A modern server for tests.");
});

Deno.test("a legacy client is answered early for a server that turns out to be modern, and goes on", async () => {
  await using place = await slowPlace({ era: "modern" });
  await using program = place.proxy(WAIT);
  strictEqual((await program.initialize({ protocolVersion: "2025-03-26" })).protocolVersion, "2025-03-26");
  await signInNow(place);
  await listsChanged(program);
  const { result } = await program.request("tools/call", ECHO);
  deepStrictEqual(result.content, [{ type: "text", text: "hi" }]);
});

Deno.test("a modern client is answered early for a server that turns out to be legacy, and goes on", async () => {
  await using place = await slowPlace();
  await using program = place.proxy(WAIT);
  const { result: discovered } = await program.request("server/discover", modern({}));
  deepStrictEqual(discovered.supportedVersions, ["2026-07-28"]);
  strictEqual((await program.request("tools/call", modern({}, ECHO))).error?.code, LOGIN_REQUIRED);
  await signInNow(place);
  await until(async () => (await program.request("tools/call", modern({}, ECHO))).error === undefined);
});

Deno.test("a request that is cancelled while it waits for the sign-in is never sent", async () => {
  await using place = await slowPlace();
  await using program = place.proxy(WAIT);
  await program.initialize();
  await signInNow(place);
  await listsChanged(program);
  await place.authorization.revokeAccessTokens();
  await place.authorization.revokeRefreshTokens();
  await using slow = place.proxy(["--auth-wait", "20"]);
  const greeting = slow.request("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "c", version: "1" },
  });
  await signInNow(place, 1);
  await greeting;
  await slow.notify("notifications/initialized");
  await place.authorization.revokeAccessTokens();
  await place.authorization.revokeRefreshTokens();
  const call = { name: "echo", arguments: { text: "cancelled" } };
  await slow.send({ jsonrpc: "2.0", id: "gone", method: "tools/call", params: call });
  await place.browser.tabs.findMany(3, () => true);
  const before = place.server.requests.items.length;
  await slow.notify("notifications/cancelled", { requestId: "gone" });
  // What comes behind it shows that it was read.
  const behind = slow.request("tools/list");
  await signInNow(place, 2);
  strictEqual((await behind).error, undefined);
  const since = place.server.requests.items.slice(before).filter(({ status }) => status !== 401);
  ok(!since.some(({ rpc }) => rpc === "tools/call"), JSON.stringify(since.map(({ rpc }) => rpc)));
});

Deno.test("with hardly any --auth-wait, nothing waits and all works", async () => {
  await using place = await slowPlace();
  await using program = place.proxy(["--auth-wait", "0.001"]);
  await program.initialize();
  strictEqual((await program.request("tools/list")).error?.code, LOGIN_REQUIRED);
  await signInNow(place);
  await listsChanged(program);
  strictEqual((await program.request("tools/list")).error, undefined);
});

Deno.test("a sign-in that comes to nothing after an early answer is told with the next request", async () => {
  await using place = await slowPlace();
  await using program = place.proxy(WAIT);
  await program.initialize();
  const tab = await place.browser.tabs.find(() => true);
  const back = new URL(tab.searchParams.get("redirect_uri")!);
  const params = {
    state: tab.searchParams.get("state")!,
    iss: place.authorization.issuer,
    error: "access_denied",
  };
  back.search = new URLSearchParams(params).toString();
  await (await fetch(back)).text();
  await program.waitStderr(/signing in failed/);
  const { error } = await program.request("tools/list");
  strictEqual(error?.code, LOGIN_REQUIRED);
  match(error!.message!, /signing in failed/);
  strictEqual(place.browser.tabs.items.length, 1);
});
