/** What a modern client notices of servers that end, forget and come back: as little as can be. */
import assert from "node:assert/strict";
import {
  MODERN_STDIO_COMMAND,
  type ModernServer,
  startModernHttpServer,
  startModernTcpServer,
} from "../support/modern_servers.ts";
import type { Program } from "../support/program.ts";
import {
  SDK_STDIO_COMMAND,
  type SdkServer,
  startSdkHttpServer,
  startSdkSseServer,
  startSdkTcpServer,
} from "../support/sdk_servers.ts";
import type { WireMessage } from "../support/wire_message.ts";
import { ABLE, ask, listenFor, modernRequest, nextFor } from "./modern_requests.ts";
import { startProxy } from "./proxied.ts";

const call = (program: Program, id: string | number, name: string, args = {}) =>
  ask(program, id, "tools/call", { name, arguments: args }, { capabilities: ABLE });

async function echoes(program: Program, id: string): Promise<void> {
  const { result, error } = await call(program, id, "echo", { text: id });
  assert.equal(error, undefined, JSON.stringify(error));
  assert.equal(result.content[0].text, id);
}

/** Asks for what may be asked twice: whether the program has noticed the end of the connection is open. */
async function lists(program: Program, id: string): Promise<void> {
  const { error } = await ask(program, id, "tools/list");
  assert.equal(error, undefined, JSON.stringify(error));
}

/** How often a request was answered. */
function answersTo(program: Program, id: string | number): number {
  return program.messages.filter((it) => it.id === id && it.method === undefined).length;
}

// Listening goes on -------------------------------------------------------------------------------------------------

const modernStarts: Record<string, (port?: number) => ModernServer | Promise<ModernServer>> = {
  "Streamable HTTP": (port) => startModernHttpServer(port === undefined ? {} : { port }),
  "TCP": (port) => startModernTcpServer(port === undefined ? {} : { port }),
};

Deno.test("A modern server that ends listening in good order ends it for the modern client", async () => {
  let server = startModernHttpServer();
  try {
    await using program = startProxy(server.url, { args: ["--retry-delay", "10"] });
    await listenFor(program, "L", { toolsListChanged: true });
    await server.close();
    const { result } = await program.response("L");
    assert.equal(result._meta["io.modelcontextprotocol/subscriptionId"], "L");
    server = startModernHttpServer({ port: server.port });
    await listenFor(program, "M", { toolsListChanged: true });
    server.notify!.toolsChanged();
    await nextFor(program, "M", "notifications/tools/list_changed");
  } finally {
    await server.close();
  }
});

Deno.test("A modern client goes on listening to a modern server on TCP that was restarted", async () => {
  let server = await startModernTcpServer();
  try {
    await using program = startProxy(server.url, { args: ["--retry-delay", "10"] });
    const wanted = { toolsListChanged: true, resourceSubscriptions: ["test://text"] };
    assert.deepEqual(await listenFor(program, "L", wanted), wanted);
    await server.close();
    server = await startModernTcpServer({ port: server.port });
    // Something may have been missed.
    await nextFor(program, "L", "notifications/tools/list_changed");
    await nextFor(program, "L", "notifications/resources/updated");
    await call(program, 1, "change", { list: "tools" });
    await nextFor(program, "L", "notifications/tools/list_changed");
    await call(program, 2, "touch", { uri: "test://text" });
    await nextFor(program, "L", "notifications/resources/updated");
    assert.equal(
      program.messages.filter(({ method }) => method === "notifications/subscriptions/acknowledged").length,
      1,
    );
    assert.equal(answersTo(program, "L"), 0);
    await program.notify("notifications/cancelled", { requestId: "L" });
    await echoes(program, "after");
    assert.equal(answersTo(program, "L"), 0);
  } finally {
    await server.close();
  }
});

const legacyStarts: Record<string, (port?: number) => Promise<SdkServer>> = {
  "Streamable HTTP": (port) => startSdkHttpServer(port === undefined ? {} : { port }),
  "HTTP+SSE": (port) => startSdkSseServer(port === undefined ? {} : { port }),
  "TCP": (port) => startSdkTcpServer(port === undefined ? {} : { port }),
};

for (const [name, start] of Object.entries(legacyStarts)) {
  for (const how of ["forgets its sessions", "is restarted"]) {
    Deno.test(`A modern client goes on listening to a legacy server that ${how} (${name})`, async () => {
      let server = await start();
      try {
        await using program = startProxy(server.url, { args: ["--retry-delay", "10"] });
        const wanted = { toolsListChanged: true, resourceSubscriptions: ["test://text"] };
        assert.deepEqual(await listenFor(program, 1, wanted), wanted);
        if (how === "is restarted") {
          await server.close();
          server = await start(server.port);
        } else {
          server.record.subscriptions.clear();
          await server.forgetSessions();
        }
        await echoes(program, "again");
        await nextFor(program, 1, "notifications/tools/list_changed");
        await nextFor(program, 1, "notifications/resources/updated");
        await server.recorded(({ subscriptions }) => subscriptions.has("test://text"));
        await call(program, 2, "touch", { uri: "test://text" });
        await nextFor(program, 1, "notifications/resources/updated");
        await call(program, 3, "change", { list: "tools" });
        await nextFor(program, 1, "notifications/tools/list_changed");
        await program.notify("notifications/cancelled", { requestId: 1 });
        await server.recorded(({ subscriptions }) => subscriptions.size === 0);
        assert.equal(answersTo(program, 1), 0);
      } finally {
        await server.close();
      }
    });
  }
}

/** Kills the process that has told its number on stderr last. */
async function killChild(program: Program, number: number): Promise<void> {
  const pattern = new RegExp(`(?:process (\\d+)[^]*?){${number}}`);
  const [, pid] = await program.waitStderr(pattern);
  Deno.kill(Number(pid), "SIGKILL");
}

Deno.test("A modern client goes on listening to a legacy child that was killed", async () => {
  await using program = startProxy(SDK_STDIO_COMMAND, {
    args: ["--log-level", "info", "--retry-delay", "10"],
  });
  const wanted = { toolsListChanged: true, resourceSubscriptions: ["test://text"] };
  assert.deepEqual(await listenFor(program, "L", wanted), wanted);
  await killChild(program, 1);
  await program.waitStderr(/process \d+[^]*process \d+/);
  await nextFor(program, "L", "notifications/tools/list_changed");
  await echoes(program, "again");
  await call(program, 2, "touch", { uri: "test://text" });
  await nextFor(program, "L", "notifications/resources/updated");
  await call(program, 3, "change", { list: "tools" });
  await nextFor(program, "L", "notifications/tools/list_changed");
});

Deno.test("A modern client goes on listening to a modern child that was killed", async () => {
  await using program = startProxy(MODERN_STDIO_COMMAND, {
    args: ["--log-level", "info", "--retry-delay", "10"],
  });
  const wanted = { toolsListChanged: true };
  assert.deepEqual(await listenFor(program, "L", wanted), wanted);
  await killChild(program, 1);
  await nextFor(program, "L", "notifications/tools/list_changed");
  await echoes(program, "again");
  await call(program, 3, "change", { list: "tools" });
  await nextFor(program, "L", "notifications/tools/list_changed");
});

// Calls ---------------------------------------------------------------------------------------------------------------

/** Sends a request, and again as often as the server wants to know something. */
async function askToTheEnd(
  program: Program,
  id: string,
  method: string,
  params: Record<string, unknown>,
): Promise<readonly [ids: readonly string[], answer: WireMessage]> {
  const ids = [id];
  const send = async (more = {}) => {
    const own = ids.at(-1)!;
    await program.send(modernRequest(own, method, { ...params, ...more }, { capabilities: ABLE }));
    return await program.response(own, 60_000);
  };
  let answer = await send();
  while (answer.result?.resultType === "input_required") {
    const { inputRequests, requestState } = answer.result;
    const inputResponses = Object.fromEntries(
      Object.keys(inputRequests).map((key) => [key, { action: "accept", content: { name: "Ada" } }]),
    );
    ids.push(`${id}-${ids.length}`);
    answer = await send({ inputResponses, ...(requestState === undefined ? {} : { requestState }) });
  }
  return [ids, answer];
}

for (const [era, starts] of [["modern", modernStarts], ["legacy", legacyStarts]] as const) {
  for (const [name, start] of Object.entries(starts)) {
    Deno.test(`Every request of a modern client is answered once while a ${era} server restarts (${name})`, async () => {
      let server: { url: string; port: number; close(): Promise<void> } = await start();
      try {
        await using program = startProxy(server.url, { args: ["--retry-delay", "10"] });
        await echoes(program, "first");
        const tool = era === "modern"
          ? { name: "who", arguments: {} }
          : { name: "elicit", arguments: { message: "m" } };
        const all: Promise<readonly [readonly string[], WireMessage]>[] = [];
        for (let i = 0; i < 120; i++) {
          const [method, params] = ([
            ["tools/call", tool],
            ["tools/call", { name: "echo", arguments: { text: `n${i}` } }],
            ["tools/list", {}],
            ["prompts/get", { name: "ask" }],
            ["resources/read", { uri: `test://item/${i}` }],
          ] as const)[i % 5]!;
          all.push(askToTheEnd(program, `n${i}`, method, params));
          if (i !== 60) continue;
          // Some have been answered, some have not.
          await all[5];
          await server.close();
          server = await start(server.port);
        }
        for (const [i, [ids, { error, result }]] of (await Promise.all(all)).entries()) {
          // What may be repeated has come through.
          if ([2, 3, 4].includes(i % 5)) assert.equal(error, undefined, `${ids}: ${error?.message}`);
          if (error === undefined) assert.equal(result.resultType, "complete");
          else assert.match(JSON.stringify(error.data), /CONNECTION_LOST/);
          for (const id of ids) assert.equal(answersTo(program, id), 1, id);
        }
        await echoes(program, "last");
      } finally {
        await server.close();
      }
    });
  }
}

for (const [name, start] of Object.entries(legacyStarts)) {
  Deno.test(`A call that waits for the client when its server ends is not carried out twice (${name})`, async () => {
    let server = await start();
    try {
      await using program = startProxy(server.url, { args: ["--retry-delay", "10"] });
      const { result: asked } = await call(program, 1, "elicit", { message: "who" });
      assert.equal(asked.resultType, "input_required");
      await server.close();
      server = await start(server.port);
      await lists(program, "again");
      const [key] = Object.keys(asked.inputRequests);
      const { error } = await ask(program, 2, "tools/call", {
        name: "elicit",
        arguments: { message: "who" },
        inputResponses: { [key!]: { action: "accept", content: {} } },
        requestState: asked.requestState,
      }, { capabilities: ABLE });
      assert.equal(error?.data.code, "CONNECTION_LOST");
      assert.equal(error?.data.outcome, "unknown");
      await echoes(program, "last");
    } finally {
      await server.close();
    }
  });

  Deno.test(`A prompt that waits for the client when its server ends is asked for anew (${name})`, async () => {
    let server = await start();
    try {
      await using program = startProxy(server.url, { args: ["--retry-delay", "10"] });
      const get = (id: number, more = {}) =>
        ask(program, id, "prompts/get", { name: "ask", ...more }, { capabilities: ABLE });
      const { result: asked } = await get(1);
      await server.close();
      server = await start(server.port);
      await lists(program, "again");
      const answered = (result: typeof asked) => ({
        inputResponses: {
          [Object.keys(result.inputRequests)[0]!]: { action: "accept", content: { name: "Ada" } },
        },
        requestState: result.requestState,
      });
      const { result: askedAgain } = await get(2, answered(asked));
      assert.equal(askedAgain.resultType, "input_required");
      const { result } = await get(3, answered(askedAgain));
      assert.equal(result.messages[0].content.text, "For Ada");
    } finally {
      await server.close();
    }
  });
}

// Fallbacks -----------------------------------------------------------------------------------------------------------

for (
  const [era, start, startOther] of [
    ["modern", modernStarts["Streamable HTTP"]!, () => startModernTcpServer()],
    ["legacy", legacyStarts["Streamable HTTP"]!, () => startSdkTcpServer()],
  ] as const
) {
  Deno.test(`A modern client is served by a fallback while a ${era} server is away, and by the server once it is back`, async () => {
    let server: { url: string; port: number; close(): Promise<void> } = await start();
    await using other = await startOther();
    try {
      await using program = startProxy(server.url, {
        args: ["--fallbacks", "tcp", "--fallback-address", `127.0.0.1:${other.port}`, "--retry-delay", "10"],
      });
      await lists(program, "first");
      await server.close();
      await lists(program, "fallback");
      await program.waitStderr(/a fallback takes the endpoint's place/);
      assert.deepEqual(await listenFor(program, "L", { toolsListChanged: true }), { toolsListChanged: true });
      server = await start(server.port);
      await program.waitStderr(/back at the endpoint/);
      await nextFor(program, "L", "notifications/tools/list_changed");
      await other.close();
      await call(program, "c", "change", { list: "tools" });
      await nextFor(program, "L", "notifications/tools/list_changed");
    } finally {
      await server.close();
    }
  });
}

// The end -------------------------------------------------------------------------------------------------------------

const slowest = 3000;

async function endsAtOnce(program: Program): Promise<void> {
  const start = performance.now();
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
  assert.ok(performance.now() - start < slowest);
}

for (const [name, start] of Object.entries(legacyStarts)) {
  Deno.test(`The end of stdin ends listening and what waits for the client (${name})`, async () => {
    await using server = await start();
    await using program = startProxy(server.url);
    await listenFor(program, "L", { toolsListChanged: true });
    assert.equal((await call(program, 1, "elicit", { message: "who" })).result.resultType, "input_required");
    await endsAtOnce(program);
    const { result } = program.messages.find(({ id }) => id === "L")!;
    assert.deepEqual(result, {
      resultType: "complete",
      _meta: { "io.modelcontextprotocol/subscriptionId": "L" },
    });
    assert.equal(server.sessions(), 0);
    assert.equal(program.stderr(), "");
  });
}

for (
  const [era, command, tool] of [
    ["legacy", SDK_STDIO_COMMAND, { name: "elicit", arguments: { message: "who" } }],
    ["modern", MODERN_STDIO_COMMAND, { name: "who", arguments: {} }],
  ] as const
) {
  Deno.test(`The end of stdin ends a ${era} child, with listening and a call that waits for the client`, async () => {
    await using program = startProxy(command, { args: ["--log-level", "info"] });
    await listenFor(program, "L", { toolsListChanged: true });
    const { result } = await ask(program, 1, "tools/call", tool, { capabilities: ABLE });
    assert.equal(result.resultType, "input_required");
    const [, pid] = await program.waitStderr(/process (\d+)/);
    await endsAtOnce(program);
    assert.throws(() => Deno.kill(Number(pid), "SIGCONT"), Deno.errors.NotFound);
  });
}
