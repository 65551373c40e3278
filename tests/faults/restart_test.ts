import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { proxied } from "../e2e/proxied.ts";
import { scriptedChild } from "../e2e/scripted_child.ts";
import { createInbox } from "../support/inbox.ts";
import type { Program } from "../support/program.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { type Override, startRawServer } from "../support/raw_server.ts";

const QUICK = { args: ["--retry-delay", "10"] };

const WRITE = { name: "write", inputSchema: { type: "object" } };
const READ = { name: "read", inputSchema: { type: "object" }, annotations: { readOnlyHint: true } };
const NEW = { name: "new", inputSchema: { type: "object" } };

/** A server that is there, is gone, and is there again: how the two kinds differ. */
interface Home {
  readonly endpoint: string;
  /** What the server has received, by method; since its last start. */
  received(): string[];
  /** The session has been established at the server as it is now. */
  noticed(): Promise<unknown>;
  /** The next call that the server has received, of all its lives. */
  called(name: string): Promise<unknown>;
  /** How often the tool was called, in all of the server's lives. */
  ran(name: string): number;
  /** Lets calls of tools hang from now on, or answers them. */
  hang(on: boolean): void;
  /** It goes at once, and is back with these tools. */
  restart(tools: readonly unknown[]): Promise<void>;
  close(): Promise<void>;
}

const CAPABILITIES = { tools: { listChanged: true }, logging: {}, resources: { subscribe: true } };

async function httpHome(): Promise<Home> {
  const calls = createInbox<{ name: string }>((all) => JSON.stringify(all));
  let hanging = false;
  const start = async (tools: readonly unknown[], port = 0) => {
    const server = await startRawServer({ tools, capabilities: CAPABILITIES, port, get: "open" });
    server.on("tools/call", async ({ message }, reply) => {
      calls.push(message.params);
      if (!hanging) return "default";
      await reply.hang();
      return undefined;
    });
    server.on("resources/subscribe", (_, reply) => reply.result({}));
    const refuse: Override = async ({ headers }, reply) => {
      const id = headers.get("mcp-session-id");
      if (id === null || server.sessions.includes(id)) return "default";
      await reply.status(404);
      return undefined;
    };
    for (const method of ["POST", "GET", "DELETE"]) server.on(method, refuse);
    return server;
  };
  let server = await start([WRITE, READ]);
  return {
    endpoint: server.url,
    noticed: () => server.received(({ message }) => message.method === "notifications/initialized"),
    received: () => server.requests.flatMap(({ messages }) => messages.flatMap(({ method }) => method ?? [])),
    called: (name) => calls.take((it) => it.name === name),
    ran: (name) => calls.items.filter((it) => it.name === name).length,
    hang: (on) => void (hanging = on),
    async restart(tools) {
      const { port } = server;
      await server.close();
      server = await start(tools, port);
    },
    close: () => server.close(),
  };
}

async function tcpHome(): Promise<Home> {
  const calls = createInbox<{ name: string }>((all) => JSON.stringify(all));
  let hanging = false;
  const start = async (tools: readonly unknown[], port = 0) => {
    const server = await startRawLineServer({ tools, capabilities: CAPABILITIES, port });
    server.on("tools/call", ({ params }) => {
      calls.push(params);
      return hanging ? undefined : "default";
    });
    server.on("resources/subscribe", (message, peer) => peer.result(message, {}));
    return server;
  };
  let server = await start([WRITE, READ]);
  return {
    endpoint: server.endpoint,
    noticed: () => server.message(({ method }) => method === "notifications/initialized"),
    received: () => server.received.flatMap(({ messages }) => messages.flatMap(({ method }) => method ?? [])),
    called: (name) => calls.take((it) => it.name === name),
    ran: (name) => calls.items.filter((it) => it.name === name).length,
    hang: (on) => void (hanging = on),
    async restart(tools) {
      const { port } = server;
      await server.close();
      server = await start(tools, port);
    },
    close: () => server.close(),
  };
}

/** Nothing but answers has come, and what else was named. */
function heard(program: Program): string[] {
  return program.messages.flatMap(({ method }) => method ?? []).filter((it) =>
    it !== "notifications/message"
  );
}

async function call(program: Program, name: string) {
  return await program.request("tools/call", { name, arguments: {} });
}

for (const [kind, openHome] of [["HTTP", httpHome], ["TCP", tcpHome]] as const) {
  Deno.test(`after a restart of the ${kind} server at rest the next call is answered, and the client notices nothing`, async () => {
    const home = await openHome();
    try {
      await using program = await proxied(home.endpoint, QUICK);
      await program.request("tools/list");
      await program.request("logging/setLevel", { level: "error" });
      await program.request("resources/subscribe", { uri: "a:1" });
      await home.restart([WRITE, READ]);
      // A client that is at rest does nothing for this.
      await home.noticed();
      ok("result" in await call(program, "write"));
      const received = home.received();
      strictEqual(received.filter((it) => it === "initialize").length, 1);
      strictEqual(received.filter((it) => it === "tools/call").length, 1);
      deepStrictEqual(received.filter((it) => /setLevel|subscribe|initialized/.test(it)).sort(), [
        "logging/setLevel",
        "notifications/initialized",
        "resources/subscribe",
      ]);
      // The lists are compared behind the call; what the client asks now comes after that.
      await program.request("ping");
      await program.closeStdin();
      strictEqual((await program.status).code, 0);
      deepStrictEqual(heard(program), []);
    } finally {
      await home.close();
    }
  });

  Deno.test(`a restarted ${kind} server with other tools is announced to the client`, async () => {
    const home = await openHome();
    try {
      await using program = await proxied(home.endpoint, QUICK);
      await program.request("tools/list");
      await home.restart([WRITE, READ, NEW]);
      await home.noticed();
      ok("result" in await call(program, "write"));
      await program.nextMethod("notifications/tools/list_changed");
      const { result } = await program.request("tools/list");
      deepStrictEqual(result.tools.map(({ name }: { name: string }) => name), ["write", "read", "new"]);
      deepStrictEqual(heard(program), ["notifications/tools/list_changed"]);
    } finally {
      await home.close();
    }
  });

  Deno.test(`after a restart of the ${kind} server in mid-call the unsafe one has an unknown outcome, the safe one is answered`, async () => {
    const home = await openHome();
    try {
      await using program = await proxied(home.endpoint, QUICK);
      await program.request("tools/list");
      home.hang(true);
      const unsafe = call(program, "write");
      const unseen = call(program, "never-listed");
      const safe = call(program, "read");
      for (const name of ["write", "never-listed", "read"]) await home.called(name);
      home.hang(false);
      await home.restart([WRITE, READ]);
      for (const { error } of await Promise.all([unsafe, unseen])) {
        strictEqual(error?.data.code, "CONNECTION_LOST");
        strictEqual(error?.data.outcome, "unknown");
        match(error!.message, /unknown/);
      }
      ok("result" in await safe);
      deepStrictEqual(["write", "never-listed", "read"].map(home.ran), [1, 1, 2]);
      ok("result" in await call(program, "write"));
      await program.closeStdin();
      strictEqual((await program.status).code, 0);
    } finally {
      await home.close();
    }
  });
}

/** The child's script: calls of `hang-*` are not answered while it is in its first life. */
const CALLS = `
  const first = (globalThis.life ?? "1") === "1";
  if (first && message.params.arguments.hang) return;
  reply({ content: [] });
`;

/** A child whose lives are counted in a file, and that has one tool more in each. */
function mortalChild(more: boolean, file: string) {
  return scriptedChild({
    start: `
      let lives = 0;
      try { lives = Number(Deno.readTextFileSync(${JSON.stringify(file)})); } catch {}
      Deno.writeTextFileSync(${JSON.stringify(file)}, String(lives + 1));
      globalThis.life = String(lives + 1);
      await note("pid " + Deno.pid + " life " + globalThis.life);
    `,
    initialize: `reply({
      protocolVersion: message.params.protocolVersion,
      capabilities: ${JSON.stringify(CAPABILITIES)},
      serverInfo: { name: "child", version: "1" },
    })`,
    "tools/list": `reply({ tools: [
      ${JSON.stringify(WRITE)},
      ${JSON.stringify(READ)},
      ...(${more} && globalThis.life !== "1" ? [${JSON.stringify(NEW)}] : []),
    ] })`,
    "tools/call": CALLS,
  });
}

function pidIn(line: string): number {
  return Number(/pid (\d+)/.exec(line)![1]);
}

Deno.test("after kill -9 of the child at rest it is started again, and what the client had set is restored", async () => {
  const file = await Deno.makeTempFile();
  await using child = mortalChild(true, file);
  await Deno.writeTextFile(file, "0");
  {
    await using program = await proxied(child.command, QUICK);
    await program.request("tools/list");
    await program.request("logging/setLevel", { level: "error" });
    await program.request("resources/subscribe", { uri: "a:1" });
    const before = child.lines.length;
    Deno.kill(pidIn(await child.received("life 1")), "SIGKILL");
    await child.received("life 2");
    ok("result" in await call(program, "write"));
    await program.nextMethod("notifications/tools/list_changed");
    const since = child.lines.slice(before);
    ok(since.some((line) => line.includes("logging/setLevel") && line.includes('"error"')));
    ok(since.some((line) => line.includes("resources/subscribe") && line.includes("a:1")));
    strictEqual(since.filter((line) => line.includes('"tools/call"')).length, 1);
    await program.closeStdin();
    strictEqual((await program.status).code, 0);
    deepStrictEqual(heard(program), ["notifications/tools/list_changed"]);
  }
  await gone(pidIn(await child.received("life 2")));
  await Deno.remove(file);
});

Deno.test("after kill -9 of the child in mid-call the unsafe call is not run twice, the safe one is answered", async () => {
  const file = await Deno.makeTempFile();
  await using child = mortalChild(false, file);
  await Deno.writeTextFile(file, "0");
  {
    await using program = await proxied(child.command, QUICK);
    await program.request("tools/list");
    const unsafe = program.request("tools/call", {
      name: "write",
      arguments: { hang: true, mine: "unsafe" },
    });
    const safe = program.request("tools/call", { name: "read", arguments: { hang: true, mine: "safe" } });
    await child.received('"unsafe"');
    await child.received('"safe"');
    Deno.kill(pidIn(await child.received("life 1")), "SIGKILL");
    const { error } = await unsafe;
    strictEqual(error?.data.outcome, "unknown");
    ok("result" in await safe);
    strictEqual(child.lines.filter((line) => line.includes('"unsafe"')).length, 1);
    strictEqual(child.lines.filter((line) => line.includes('"safe"')).length, 2);
    ok("result" in await call(program, "write"));
    await program.closeStdin();
    strictEqual((await program.status).code, 0);
    deepStrictEqual(heard(program), []);
  }
  await gone(pidIn(await child.received("life 2")));
  await Deno.remove(file);
});

/** Waits until a process is no more. */
async function gone(pid: number): Promise<void> {
  for (let left = 200; left > 0; left--) {
    try {
      // Signal 0 has no name here; a directory in /proc says as much.
      await Deno.stat(`/proc/${pid}`);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`process ${pid} is still there`);
}
