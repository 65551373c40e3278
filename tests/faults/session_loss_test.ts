import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { proxied, type ProxiedOptions } from "../e2e/proxied.ts";
import type { Program } from "../support/program.ts";
import type { BodyOptions, RawReply, RawRequest } from "../support/raw_http.ts";
import { type RawServer, type RawServerOptions, startRawServer } from "../support/raw_server.ts";

const QUICK = { args: ["--retry-delay", "10"] };

/** How servers say that they don't know a session. */
const DRESSES: Readonly<Record<string, (reply: RawReply, id: unknown) => Promise<void>>> = {
  "404": (reply) => reply.status(404),
  "404 with an error": (reply) => body(reply, { status: 404 }, -32001, "Session not found"),
  "400 Bad Request: No valid session ID provided": (reply) =>
    body(reply, { status: 400 }, -32000, "Bad Request: No valid session ID provided"),
  "400 Session not found": (reply) => reply.status(400, "Session not found"),
  "410 session expired": (reply) => reply.status(410, "session expired"),
  "200 with error -32001": (reply, id) => body(reply, { status: 200 }, -32001, "Session not found", id),
  "500 Server not initialized": (reply) =>
    body(reply, { status: 500 }, -32000, "Server not initialized", undefined),
};

function body(
  reply: RawReply,
  options: BodyOptions,
  code: number,
  message: string,
  id: unknown = null,
): Promise<void> {
  return reply.body(
    { jsonrpc: "2.0", error: { code, message }, ...(id === undefined ? {} : { id }) },
    options,
  );
}

/** What the server says of itself, for a test to change. */
type Changeable = { -readonly [K in keyof RawServerOptions]: RawServerOptions[K] };

/** A server whose sessions can be lost, in a dress. */
interface ForgetfulServer extends RawServer {
  /** Requests that carried a lost session's id. */
  readonly refused: readonly RawRequest[];
  /** All sessions there are now are lost. */
  lose(): void;
}

async function startForgetful(dress: string, options: RawServerOptions = {}): Promise<ForgetfulServer> {
  const lost = new Set<string>();
  const refused: RawRequest[] = [];
  const server = await startRawServer(options);
  const refuse = async (request: RawRequest, reply: RawReply) => {
    const id = request.headers.get("mcp-session-id");
    if (id === null || !lost.has(id)) return "default";
    refused.push(request);
    await DRESSES[dress]!(reply, request.message.id);
    return undefined;
  };
  for (const method of ["POST", "GET", "DELETE"]) server.on(method, refuse);
  return { ...server, refused, lose: () => server.sessions.forEach((id) => lost.add(id)) };
}

/** Starts the program, and waits until nothing of the handshake is under way. */
async function settled(server: RawServer, options: ProxiedOptions = QUICK): Promise<Program> {
  const program = await proxied(server.url, options);
  await server.received(({ method }) => method === "GET");
  return program;
}

/** The JSON-RPC methods that came, but the notifications. */
function asked(server: RawServer): string[] {
  return server.requests.flatMap(({ messages }) =>
    messages.flatMap(({ id, method }) => id === undefined || method === undefined ? [] : [method])
  );
}

for (const dress of Object.keys(DRESSES)) {
  Deno.test(`a session lost with ${dress} is replayed once and the call sent once more`, async () => {
    await using server = await startForgetful(dress);
    await using program = await settled(server);
    server.lose();
    const { result } = await program.request("tools/call", { name: "write", arguments: { n: 1 } });
    deepStrictEqual(result.structuredContent, { n: 1 });
    deepStrictEqual(asked(server), ["initialize", "tools/call", "initialize", "tools/call"]);
    strictEqual(server.calls("notifications/initialized").length, 2);
    deepStrictEqual(server.violations, []);
    // And it stays so.
    await program.request("tools/call", { name: "write", arguments: { n: 2 } });
    strictEqual(server.sessions.length, 2);
  });

  Deno.test(`64 calls that lose their session at once, with ${dress}, cause one replay`, async () => {
    await using server = await startForgetful(dress);
    const all = Promise.withResolvers<void>();
    let waiting = 0;
    await using program = await settled(server);
    const first = server.sessions[0]!;
    server.on("POST", async (request, reply) => {
      if (request.headers.get("mcp-session-id") !== first) return "default";
      const mine = ++waiting;
      if (mine === 64) all.resolve();
      // All are under way before the first is refused; then some come back before the replay, some while it is under way,
      // some when it is over.
      await all.promise;
      await new Promise((resolve) => setTimeout(resolve, mine % 30));
      await DRESSES[dress]!(reply, request.message.id);
      return undefined;
    });
    const calls = Array.from(
      { length: 64 },
      (_, n) => program.request("tools/call", { name: "write", arguments: { n } }),
    );
    const answers = await Promise.all(calls);
    deepStrictEqual(answers.map(({ result }) => result?.structuredContent?.n), answers.map((_, n) => n));
    strictEqual(server.calls("initialize").length, 2);
    strictEqual(server.calls("tools/call").length, 128);
  });
}

Deno.test("a session whose loss a notification shows is replayed, and the notification sent once more", async () => {
  await using server = await startForgetful("404 with an error");
  await using program = await settled(server);
  server.lose();
  await program.notify("notifications/roots/list_changed");
  await server.receivedMany(2, ({ message }) => message.method === "notifications/roots/list_changed");
  await program.request("ping");
  deepStrictEqual(
    server.requests.map(({ message, method }) => message.method ?? method).filter((it) => it !== "GET"),
    [
      "initialize",
      "notifications/initialized",
      "notifications/roots/list_changed",
      "initialize",
      "notifications/initialized",
      "notifications/roots/list_changed",
      "ping",
    ],
  );
});

Deno.test("a session whose loss the server's stream shows is replayed at rest", async () => {
  await using server = await startForgetful("404 with an error", { get: "open" });
  await using program = await settled(server);
  const stream = await server.stream();
  server.lose();
  await stream.end();
  // Nothing is asked for meanwhile.
  await server.stream();
  deepStrictEqual(asked(server), ["initialize", "initialize"]);
  await server.push({ jsonrpc: "2.0", method: "notifications/tools/list_changed" });
  await program.nextMethod("notifications/tools/list_changed");
});

Deno.test("a replay restores the log level and the subscriptions", async () => {
  await using server = await startForgetful("404", {
    capabilities: { logging: {}, resources: { subscribe: true } },
  });
  for (const method of ["resources/subscribe", "resources/unsubscribe"]) {
    server.on(method, (_, reply) => reply.result({}));
  }
  await using program = await settled(server);
  await program.request("logging/setLevel", { level: "warning" });
  for (const uri of ["a:1", "a:2", "a:3"]) await program.request("resources/subscribe", { uri });
  await program.request("resources/unsubscribe", { uri: "a:2" });
  server.lose();
  const before = server.requests.length;
  await program.request("ping");
  const replayed = server.requests.slice(before + 1).filter(({ method }) => method === "POST")
    .map(({ message: { method, params } }) => `${method} ${params?.level ?? params?.uri ?? ""}`.trim());
  deepStrictEqual(replayed.slice(0, 2), ["initialize", "notifications/initialized"]);
  deepStrictEqual(replayed.slice(2).sort(), [
    "logging/setLevel warning",
    "ping",
    "resources/subscribe a:1",
    "resources/subscribe a:3",
  ]);
  strictEqual(replayed.at(-1), "ping");
});

Deno.test("a replay asks for the revision that the client holds, and keeps to it when the server chooses another", async () => {
  const options: Changeable = { capabilities: { tools: {} } };
  await using server = await startForgetful("404", options);
  await using program = await settled(server, {
    ...QUICK,
    initialize: { protocolVersion: "2025-06-18", capabilities: { roots: {} } },
  });
  server.lose();
  options.revision = "2025-03-26";
  const { result } = await program.request("tools/call", { name: "write", arguments: { n: 1 } });
  deepStrictEqual(result.structuredContent, { n: 1 });
  const [, again] = server.calls("initialize");
  strictEqual(again!.message.params.protocolVersion, "2025-06-18");
  deepStrictEqual(again!.message.params.capabilities, { roots: {} });
  await program.waitStderr(/2025-03-26.*goes on with 2025-06-18/);
  // The wire speaks what the server chose; the client has noticed nothing.
  strictEqual(program.messages.filter(({ method }) => method !== undefined).length, 0);
});

Deno.test("what a replacement lacks is answered here, and logged", async () => {
  const options: Changeable = {
    capabilities: { tools: {}, prompts: {}, resources: { subscribe: true }, completions: {} },
  };
  await using server = await startForgetful("404", options);
  await using program = await settled(server);
  server.lose();
  options.capabilities = { tools: {} };
  await program.request("ping");
  deepStrictEqual((await program.request("prompts/list")).result, { prompts: [] });
  deepStrictEqual((await program.request("resources/list")).result, { resources: [] });
  deepStrictEqual((await program.request("resources/templates/list")).result, { resourceTemplates: [] });
  for (
    const [method, params] of [
      ["prompts/get", { name: "x" }],
      ["resources/read", { uri: "a:1" }],
      ["completion/complete", {}],
    ] as const
  ) {
    const { error } = await program.request(method, params);
    strictEqual(error!.code, -32601);
    strictEqual(error!.data.outcome, "not_run");
  }
  ok((await program.request("tools/list")).result.tools.length > 0);
  match(program.stderr(), /prompts\/list is answered here/);
  strictEqual(server.calls("prompts/list").length + server.calls("resources/read").length, 0);
});

Deno.test("a server that loses every session is not asked for ever", async () => {
  await using server = await startRawServer();
  await using program = await settled(server);
  server.on("tools/call", (_, reply) => body(reply, { status: 404 }, -32001, "Session not found"));
  const { error } = await program.request("tools/call", { name: "write", arguments: {} });
  ok(error !== undefined);
  strictEqual(server.calls("tools/call").length, 2);
  strictEqual(server.calls("initialize").length, 2);
});

Deno.test("a replay that a gateway refuses for a moment is tried again, and an unsafe call carried out", async () => {
  await using server = await startForgetful("404");
  await using program = await settled(server);
  server.lose();
  let refusals = 0;
  server.on("initialize", async (_, reply) => {
    if (++refusals > 2) return "default";
    await reply.status(refusals === 1 ? 502 : 503);
    return undefined;
  });
  const { result } = await program.request("tools/call", { name: "write", arguments: { n: 1 } });
  deepStrictEqual(result?.structuredContent, { n: 1 });
  strictEqual(server.calls("tools/call").length - server.refused.length, 1);
});

Deno.test("an unsafe call whose session can't be established again did not run, and says so", async () => {
  await using server = await startForgetful("404");
  await using program = await settled(server, { args: ["--retry-attempts", "0"] });
  server.lose();
  server.on("initialize", (_, reply) => reply.status(502));
  const { error } = await program.request("tools/call", { name: "write", arguments: { n: 1 } });
  strictEqual(error!.data.outcome, "not_run");
  strictEqual(server.calls("tools/call").length, 1);
});
