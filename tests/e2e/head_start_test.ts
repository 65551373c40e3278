/**
 * The client's `initialize` is sent on, and answered, before the program is loaded. Nobody can tell but by the clock: the
 * server is asked the same, the client is told the same, whatever the answer.
 */
import assert from "node:assert/strict";
import { bundleProgram } from "../../scripts/bundle.ts";
import { entryPath } from "../../src/store/entry_path.ts";
import { verdictKey, VERDICTS } from "../../src/upstream/verdict_key.ts";
import { isWindows } from "../link/child/processes.ts";
import { type Program, type ProgramOptions, REPOSITORY, startProgram } from "../support/program.ts";
import type { RawRequest } from "../support/raw_http.ts";
import {
  type Override,
  type RawServer,
  type RawServerOptions,
  startRawServer,
} from "../support/raw_server.ts";
import { INITIALIZED_LINE, initializeLine } from "./proxied.ts";

/** An option that changes nothing but that the whole program has to be asked what it means. */
const WHOLE = ["--log-level", "warn"];

const LIST_LINE = '{"jsonrpc":"2.0","id":"list","method":"tools/list"}';

/** The bundle, with another program in the place of the program. */
async function bundleWith(directory: string, program: string): Promise<ProgramOptions> {
  const main = await bundleProgram(`${REPOSITORY}src/main.ts`, directory);
  await Deno.writeTextFile(`${directory}/mcp-connect-program.js`, program);
  return { entry: [Deno.execPath(), "run", "--no-config", "--no-lock", "-A", main] };
}

Deno.test("initialize is answered before the program is loaded", async (t) => {
  const directory = await Deno.makeTempDir();
  try {
    // It is never loaded.
    const options = await bundleWith(directory, "await new Promise(() => {}); export const runProgram = 1;");
    const answers: Record<string, RawServerOptions> = {
      "JSON": {},
      "an event stream": { mode: "sse" },
      "JSON in chunks": {
        on: {
          initialize: (request, reply) =>
            reply.result(resultFor(request), { chunked: true, split: 10, encoding: "gzip" }),
        },
      },
    };
    for (const [name, server] of Object.entries(answers)) {
      await t.step(name, async () => {
        await using raw = await startRawServer(server);
        await using program = startProgram(["proxy", "--endpoint", raw.url, "--header", "X-A: b"], {
          ...options,
          graceMs: 0,
        });
        await program.send(initializeLine());
        assert.equal((await program.response(1)).result.protocolVersion, "2025-11-25");
        assert.equal(raw.requests[0]?.headers.get("x-a"), "b");
        program.kill("SIGKILL");
      });
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

function resultFor({ message }: RawRequest): Record<string, unknown> {
  const { protocolVersion } = message.params as { protocolVersion: string };
  return { protocolVersion, capabilities: { tools: {} }, serverInfo: { name: "s", version: "1" } };
}

const error = (code: number, status: number): Override => (_request, reply) =>
  reply.error(code, "no", undefined, { status });

/** What a server may make of `initialize`. */
const SERVERS: Readonly<Record<string, RawServerOptions>> = {
  "a plain answer": {},
  "an event stream": { mode: "sse" },
  "no session": { sessions: false },
  "an older revision": { revisions: ["2024-11-05"] } as RawServerOptions,
  "an answer in chunks": {
    on: { initialize: (request, reply) => reply.result(resultFor(request), { chunked: true, split: 7 }) },
  },
  "an answer of several lines": {
    on: {
      initialize: (request, reply) =>
        reply.body(
          JSON.stringify({ jsonrpc: "2.0", id: request.message.id, result: resultFor(request) }, null, 2),
        ),
    },
  },
  "an answer with another type": {
    on: { initialize: (request, reply) => reply.result(resultFor(request), { contentType: "text/plain" }) },
  },
  "something said before the answer": {
    on: {
      async initialize(request, reply) {
        const stream = await reply.sse();
        await stream.notify("notifications/message", { level: "info", data: "hello" });
        await stream.result(resultFor(request));
        await stream.end();
      },
    },
  },
  "something said behind the answer": {
    on: {
      async initialize(request, reply) {
        const stream = await reply.sse();
        await stream.result(resultFor(request));
        await stream.notify("notifications/message", { level: "info", data: "hello" });
        await stream.end();
      },
    },
  },
  "cookies": {
    on: {
      initialize: (request, reply) =>
        reply.result(resultFor(request), { headers: { "set-cookie": "a=1; Path=/" } }),
    },
  },
  "an unknown revision": {
    on: {
      initialize: (request, reply) => reply.result({ ...resultFor(request), protocolVersion: "2099-01-01" }),
    },
  },
  "an error": { on: { initialize: error(-32600, 200) } },
  "a refusal": { on: { initialize: error(-32600, 400) } },
  "not found": { on: { initialize: (_request, reply) => reply.status(404) } },
  "not allowed": { on: { initialize: (_request, reply) => reply.status(405) } },
  "forbidden": { on: { initialize: (_request, reply) => reply.status(403, "no") } },
  "another place": {
    on: {
      POST: (request, reply) =>
        request.url.search === "" ? reply.redirect(`${request.path}?there`) : "default",
    },
  },
  "a page": {
    on: { initialize: (_request, reply) => reply.body("<html></html>", { contentType: "text/html" }) },
  },
  "no answer": { on: { initialize: (_request, reply) => reply.status(202) } },
  "a batch": {
    on: {
      initialize: (request, reply) =>
        reply.body([{ jsonrpc: "2.0", id: request.message.id, result: resultFor(request) }]),
    },
  },
  "another's answer": {
    on: {
      initialize: (request, reply) => reply.body({ jsonrpc: "2.0", id: 77, result: resultFor(request) }),
    },
  },
  "an answer with two ids": {
    on: {
      initialize: (request, reply) =>
        reply.body(`{"jsonrpc":"2.0","id":1,"id":1,"result":${JSON.stringify(resultFor(request))}}`),
    },
  },
};

/** A session, as the server and the client see it. */
async function session(options: RawServerOptions, args: readonly string[]) {
  await using server = await startRawServer(options);
  await using program = startProgram(["proxy", "--endpoint", server.url, ...args]);
  await program.send(initializeLine());
  const greeting = await program.response(1);
  if (greeting.error === undefined) {
    await program.send(INITIALIZED_LINE);
    await program.send(LIST_LINE);
    await program.response("list");
  }
  await program.closeStdin();
  const { code } = await program.status;
  return { code, lines: program.lines.map((line) => named(line, server)), requests: seen(server) };
}

/** Names what each server has for itself. */
function named(text: string, server: RawServer): string {
  return server.sessions.reduce((it, id, i) => it.replaceAll(id, `session-${i}`), text)
    .replaceAll(server.origin, "http://server").replaceAll(`:${server.port}`, ":port")
    .replace(/mcp-connect-\w+-[0-9a-f]{8}-/g, "mcp-connect-id-");
}

/** What the server was asked; its stream is opened beside all else. */
function seen(server: RawServer): unknown[] {
  const asked = server.requests.map(({ method, path, headers, body }) => ({
    request: `${method} ${path}`,
    headers: [...headers].map(([name, value]) => named(`${name}: ${value}`, server)).sort(),
    body: named(body, server),
  }));
  const isStream = ({ request }: { request: string }) => request.startsWith("GET");
  return [...asked.filter((it) => !isStream(it)), ...asked.filter(isStream)];
}

for (const [what, options] of Object.entries(SERVERS)) {
  Deno.test(`nobody can tell that initialize was sent on early: the server has ${what}`, async () => {
    const [early, whole] = [await session(options, []), await session(options, WHOLE)];
    assert.deepEqual(early, whole);
    assert.equal(early.lines.filter((line) => JSON.parse(line).id === 1).length, 1);
  });
}

for (const mode of ["json", "sse"] as const) {
  Deno.test(`what follows goes over the connection that was made early (${mode})`, async () => {
    await using server = await startRawServer({ mode });
    await using program = startProgram(["proxy", server.url]);
    await program.initialize();
    await program.closeStdin();
    await program.status;
    const [initialize, initialized] = server.requests;
    assert.equal(initialized?.message.method, "notifications/initialized");
    assert.equal(initialized.connection, initialize?.connection);
  });
}

for (const id of ["1", '"a"', "9007199254740993", "-0.5e1", '"\\u00e4"']) {
  Deno.test(`the request with the id ${id} is answered once`, async () => {
    await using server = await startRawServer();
    const answerTo: string[] = [];
    server.on("initialize", (request, reply) => {
      answerTo.push(request.body);
      return reply.body(`{"jsonrpc":"2.0","id":${id},"result":${JSON.stringify(resultFor(request))}}`);
    });
    await using program = startProgram(["proxy", server.url]);
    const line = initializeLine().replace('"id":1', `"id":${id}`);
    await program.send([line, INITIALIZED_LINE, LIST_LINE].join("\n"));
    await program.response("list");
    await program.closeStdin();
    assert.equal((await program.status).code, 0);
    assert.equal(program.lines.length, 2);
    assert.ok(program.lines[0]!.includes(`"id":${id},`), program.lines[0]);
    assert.deepEqual(answerTo, [line]);
  });
}

Deno.test("lines of Windows are sent as they would be", async () => {
  await using server = await startRawServer();
  await using program = startProgram(["proxy", server.url]);
  await program.send([initializeLine(), INITIALIZED_LINE, LIST_LINE, ""].join("\r\n"));
  await program.response("list");
  await program.closeStdin();
  await program.status;
  assert.equal(server.calls("initialize").length, 1);
  assert.equal(server.requests[0]?.body, initializeLine());
  assert.equal(program.stderr(), "");
});

Deno.test("a client that has one id for all it asks, one after the other, is answered what it asks", async () => {
  await using server = await startRawServer();
  await using program = startProgram(["proxy", server.url]);
  await program.send(initializeLine());
  await program.response(1);
  await program.send([INITIALIZED_LINE, LIST_LINE.replace('"list"', "1")].join("\n"));
  await program.next(({ result }) => result?.tools !== undefined);
  await program.closeStdin();
  await program.status;
  assert.equal(program.lines.length, 2);
});

Deno.test(
  "a client that closes its stdout early is gone, whatever it was told",
  { ignore: isWindows },
  async () => {
    await using server = await startRawServer();
    await using program = startProgram(["proxy", server.url], { permissions: ["-A", "--deny-ffi"] });
    await program.closeStdout();
    await program.send(initializeLine());
    assert.equal((await program.status).code, 0);
  },
);

Deno.test("what is stored of a server's era counts", async (t) => {
  const store = await Deno.makeTempDir();
  const env = { MCP_CONNECT_NO_STORE: undefined, MCP_CONNECT_STORE: store };
  try {
    for (const modern of [false, true]) {
      await t.step(
        modern ? "a modern one is asked what it is" : "a legacy one is sent initialize early",
        async () => {
          await using server = await startRawServer();
          const key = verdictKey({ kind: "http", url: new URL(server.url) });
          const path = entryPath({ directory: store, kind: VERDICTS, key });
          await Deno.mkdir(`${store}/${VERDICTS}`, { recursive: true });
          await Deno.writeTextFile(path, JSON.stringify({ modern, time: new Date().toISOString() }));
          await using program = startProgram(["proxy", server.url], { env });
          await program.initialize();
          await program.closeStdin();
          await program.status;
          const asked = server.requests.map(({ message }) => message.method).filter((it) => it !== undefined);
          const first = modern ? ["server/discover"] : [];
          assert.deepEqual(asked, [...first, "initialize", "notifications/initialized"]);
          assert.equal(program.stderr(), "");
        },
      );
    }
  } finally {
    await Deno.remove(store, { recursive: true });
  }
});

Deno.test("all that a client says at once is carried out in its order, though it leaves at once", async () => {
  await using server = await startRawServer({ mode: "sse" });
  await using program = startProgram([server.url]);
  await program.send([initializeLine(), INITIALIZED_LINE, LIST_LINE].join("\n"));
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
  assert.deepEqual(program.messages.map(({ id }) => id), [1, "list"]);
  const asked = server.requests.filter(({ method }) => method !== "GET");
  assert.deepEqual(asked.map(({ method, message }) => message.method ?? method), [
    "initialize",
    "notifications/initialized",
    "tools/list",
    "DELETE",
  ]);
});

Deno.test("an answer that comes when the program is loaded is given once", async () => {
  const loaded = Promise.withResolvers<void>();
  await using server = await startRawServer({
    on: {
      async initialize(request, reply) {
        await loaded.promise;
        await reply.result(resultFor(request));
      },
    },
  });
  await using program = startProgram(["proxy", server.url]);
  await program.send(initializeLine());
  await server.received(({ message }) => message.method === "initialize");
  // What is no message is answered here.
  await program.send("{");
  assert.equal((await program.next(({ error }) => error !== undefined)).error?.code, -32700);
  loaded.resolve();
  assert.equal((await program.response(1)).result.protocolVersion, "2025-11-25");
  await program.send([INITIALIZED_LINE, LIST_LINE].join("\n"));
  await program.response("list");
  await program.closeStdin();
  await program.status;
  assert.equal(program.lines.length, 3);
  assert.equal(server.calls("initialize").length, 1);
});

Deno.test("a client that speaks late, or of something else first, is served as well", async () => {
  await using server = await startRawServer();
  await using program = startProgram(["proxy", server.url]);
  await program.send("{");
  assert.equal((await program.next(({ error }) => error !== undefined)).error?.code, -32700);
  await program.initialize();
  assert.ok((await program.request("tools/list")).result.tools.length > 0);
  assert.equal(server.calls("initialize").length, 1);
});

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  Deno.test({
    name: `a client that sends ${signal} as soon as it is answered leaves no session behind`,
    ignore: isWindows,
    async fn() {
      await using server = await startRawServer();
      await using program = startProgram(["proxy", server.url]);
      await program.send(initializeLine());
      await program.response(1);
      program.kill(signal);
      const { code, signal: of } = await program.status;
      assert.deepEqual({ code, of }, { code: 0, of: null });
      assert.deepEqual(server.requests.map(({ method }) => method), ["POST", "DELETE"]);
    },
  });
}

Deno.test("a host that is not there is told of by the program", async () => {
  const told: unknown[] = [];
  for (const args of [[], WHOLE]) {
    await using program = startProgram(["proxy", "http://mcp.invalid/", ...args]);
    await program.send(initializeLine());
    const { error } = await program.response(1);
    told.push([error?.code, error?.message]);
    await program.closeStdin();
    assert.equal((await program.status).code, 0);
  }
  assert.deepEqual(told[0], told[1]);
});

Deno.test("a server that is not there, and then is, is found", async () => {
  let program: Program | undefined;
  await using first = await startRawServer();
  const { port } = first;
  await first.close();
  try {
    program = startProgram(["proxy", first.url]);
    await program.send(initializeLine());
    await using server = await startRawServer({ port });
    assert.equal((await program.response(1)).result.protocolVersion, "2025-11-25");
    assert.equal(server.calls("initialize").length, 1);
  } finally {
    await program?.[Symbol.asyncDispose]();
  }
});
