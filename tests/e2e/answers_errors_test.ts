/** What a client is told when there is no answer: always something, once, and what to do about it. */
import assert from "node:assert/strict";
import { selfSigned } from "../diagnose/self_signed.ts";
import { isWindows } from "../link/child/processes.ts";
import { type Program, REPOSITORY, startProgram } from "../support/program.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { type RawServer, type RawServerOptions, startRawServer } from "../support/raw_server.ts";
import type { WireMessage } from "../support/wire_message.ts";

const INITIALIZE = {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "t", version: "1" },
};

/** The numbers of `docs/errors.md` by name. */
const DOCUMENTED = new Map(
  [...Deno.readTextFileSync(`${REPOSITORY}docs/errors.md`).matchAll(/^\| `([A-Z_]+)`\s*\| (-?\d+)/gm)]
    .map(([, name, number]) => [name, Number(number)]),
);

/** Checks that an answer is our own error of this name, complete and as documented. */
function assertOwnError({ result, error }: WireMessage, name: string, endpoint: string): void {
  assert.equal(result, undefined);
  assert.ok(error !== undefined);
  assert.equal(error.data?.code, name, JSON.stringify(error));
  assert.equal(error.code, DOCUMENTED.get(name));
  assert.ok(error.code < -32768 || error.code > -32000, `${error.code} is reserved`);
  assert.equal(error.data.endpoint, endpoint);
  assert.ok(
    typeof error.data.hint === "string" && error.data.hint.length > 5,
    `no hint: ${JSON.stringify(error)}`,
  );
  assert.ok(error.message.length > 5);
}

/** A port where nobody listens. */
async function unusedPort(): Promise<number> {
  const { port, close } = await startRawServer();
  await close();
  return port;
}

interface Unreachable {
  readonly title: string;
  readonly code: string;
  readonly ignore?: boolean;
  /** The words of the command line, the last of which the error must show. */
  readonly open: () => Promise<{ args: string[]; endpoint: string; close?: () => unknown }>;
}

const UNREACHABLE: readonly Unreachable[] = [
  {
    title: "a URL where nobody listens",
    code: "UNREACHABLE",
    async open() {
      const url = `http://127.0.0.1:${await unusedPort()}/mcp`;
      return { args: [url], endpoint: url };
    },
  },
  {
    title: "a port where nobody listens",
    code: "UNREACHABLE",
    async open() {
      const endpoint = `tcp://127.0.0.1:${await unusedPort()}`;
      return { args: [endpoint], endpoint };
    },
  },
  {
    title: "an event stream where nobody listens",
    code: "UNREACHABLE",
    async open() {
      const url = `http://127.0.0.1:${await unusedPort()}/sse`;
      return { args: ["--transport", "sse", url], endpoint: url };
    },
  },
  {
    title: "a URL of an unknown host",
    code: "UNREACHABLE",
    open: () => {
      const url = "http://no-such-host.invalid/mcp";
      return Promise.resolve({ args: [url], endpoint: url });
    },
  },
  {
    title: "an unknown host",
    code: "UNREACHABLE",
    open: () => {
      const endpoint = "tcp://no-such-host.invalid:1234";
      return Promise.resolve({ args: [endpoint], endpoint });
    },
  },
  {
    title: "a socket file that is not there",
    code: "UNREACHABLE",
    ignore: isWindows,
    open: () => {
      const endpoint = "unix:/nowhere/no.sock";
      return Promise.resolve({ args: [endpoint], endpoint });
    },
  },
  {
    title: "a command that is not there",
    code: "COMMAND",
    open: () => Promise.resolve({ args: ["--", "no-such-command", "x"], endpoint: "no-such-command x" }),
  },
  {
    title: "a command that ends at once",
    code: "CONNECTION_LOST",
    ignore: isWindows,
    open: () =>
      Promise.resolve({ args: ["--", "sh", "-c", "read x; exit 3"], endpoint: 'sh -c "read x; exit 3"' }),
  },
  {
    title: "a certificate that nobody vouches for",
    code: "TLS",
    async open() {
      const server = await startRawServer({ tls: await selfSigned(30) });
      return { args: [server.url], endpoint: server.url, close: server.close };
    },
  },
  {
    title: "a server that never answers a POST",
    code: "CONNECT_TIMEOUT",
    async open() {
      const server = await startRawServer({ on: { POST: (_request, reply) => reply.hang() } });
      return {
        args: ["--timeout", "1", "--request-timeout", "1", server.url],
        endpoint: server.url,
        close: server.close,
      };
    },
  },
  {
    title: "a server that never opens its event stream",
    code: "CONNECT_TIMEOUT",
    async open() {
      const server = await startRawServer({ on: { GET: (_request, reply) => reply.hang() } });
      return {
        args: ["--timeout", "1", "--request-timeout", "1", "--transport", "sse", server.url],
        endpoint: server.url,
        close: server.close,
      };
    },
  },
  {
    title: "a port that accepts and says nothing",
    code: "CONNECT_TIMEOUT",
    async open() {
      const server = await startRawLineServer({ on: { initialize: () => {}, "tools/list": () => {} } });
      const { endpoint, close } = server;
      return { args: ["--timeout", "1", "--request-timeout", "1", endpoint], endpoint, close };
    },
  },
  {
    title: "a command that says nothing",
    code: "CONNECT_TIMEOUT",
    ignore: isWindows,
    open: () =>
      Promise.resolve({
        args: ["--timeout", "1", "--request-timeout", "1", "--", "sleep", "1000"],
        endpoint: "sleep 1000",
      }),
  },
  {
    title: "a web page",
    code: "NOT_MCP",
    async open() {
      const server = await startRawServer({
        on: { POST: (_request, reply) => reply.body("<!doctype html><p>Hi", { contentType: "text/html" }) },
      });
      return { args: [server.url], endpoint: server.url, close: server.close };
    },
  },
  {
    title: "a server that wants credentials",
    code: "UNAUTHORIZED",
    async open() {
      const server = await startRawServer({ on: { POST: (_request, reply) => reply.status(401) } });
      return { args: [server.url], endpoint: server.url, close: server.close };
    },
  },
  {
    title: "a server that is overloaded",
    code: "RETRY_LATER",
    async open() {
      const server = await startRawServer({ on: { POST: (_request, reply) => reply.status(429) } });
      return { args: ["--retry-attempts", "0", server.url], endpoint: server.url, close: server.close };
    },
  },
  {
    title: "a server that fails",
    code: "REFUSED",
    async open() {
      const server = await startRawServer({ on: { POST: (_request, reply) => reply.status(500, "oops") } });
      return { args: ["--retry-attempts", "0", server.url], endpoint: server.url, close: server.close };
    },
  },
];

for (const { title, code, ignore = false, open } of UNREACHABLE) {
  Deno.test(
    `${title}: initialize and what comes after it are answered with an error that helps`,
    { ignore },
    async () => {
      const { args, endpoint, close } = await open();
      try {
        await using program = startProgram(["proxy", ...args]);
        assertOwnError(await program.request("initialize", INITIALIZE), code, endpoint);
        // A client that goes on nevertheless is not left waiting either.
        await program.notify("notifications/initialized");
        const { error } = await program.request("tools/list");
        assert.ok(error !== undefined);
        assert.ok(DOCUMENTED.has(error.data?.code), JSON.stringify(error));
        await program.closeStdin();
        assert.equal((await program.status).code, 0);
        assert.equal(program.lines.length, 2);
      } finally {
        await close?.();
      }
    },
  );
}

interface Failing {
  readonly title: string;
  readonly code: string;
  readonly args?: readonly string[];
  readonly server?: RawServerOptions;
  readonly provoke?: (program: Program, server: RawServer) => Promise<WireMessage>;
}

const call = (program: Program) => program.request("tools/call", { name: "echo", arguments: {} });

const FAILING: readonly Failing[] = [
  {
    title: "a connection that breaks during a call",
    code: "CONNECTION_LOST",
    server: { on: { "tools/call": (_request, reply) => reply.reset() } },
  },
  {
    title: "an answer cut off in the middle",
    code: "CONNECTION_LOST",
    server: { on: { "tools/call": (_request, reply) => reply.body("{".repeat(100), { truncateAt: 50 }) } },
  },
  {
    title: "an event stream that ends without an answer",
    code: "CONNECTION_LOST",
    server: { on: { "tools/call": (_request, reply) => reply.events([]) } },
  },
  {
    title: "a session that the server has forgotten for good",
    code: "SESSION_LOST",
    server: { on: { "tools/call": (_request, reply) => reply.status(404) } },
  },
  {
    title: "a status without a reason",
    code: "REFUSED",
    server: { on: { "tools/call": (_request, reply) => reply.status(418) } },
  },
  {
    title: "a 202 in place of an answer",
    code: "NOT_MCP",
    server: { on: { "tools/call": (_request, reply) => reply.status(202) } },
  },
  {
    title: "an answer that is no JSON-RPC",
    code: "NOT_MCP",
    server: { on: { "tools/call": (_request, reply) => reply.body({ hello: "world" }) } },
  },
  {
    title: "a result over --max-message-size",
    code: "TOO_LARGE",
    args: ["--max-message-size", "64KiB"],
    server: { on: { "tools/call": (_request, reply) => reply.result({ text: "x".repeat(70_000) }) } },
  },
  {
    title: "a result over --max-message-size in an event",
    code: "TOO_LARGE",
    args: ["--max-message-size", "64KiB"],
    server: {
      mode: "sse",
      on: {
        "tools/call": async (_request, reply) => {
          const stream = await reply.sse();
          await stream.result({ text: "x".repeat(70_000) });
          await stream.end();
        },
      },
    },
  },
  {
    title: "a result over --max-message-size once it is unpacked",
    code: "TOO_LARGE",
    args: ["--max-message-size", "64KiB"],
    server: {
      on: {
        "tools/call": (_request, reply) => reply.result({ text: "x".repeat(1 << 20) }, { encoding: "gzip" }),
      },
    },
  },
  {
    title: "a call of a hidden tool",
    code: "TOOL_FILTERED",
    args: ["--ignore-tool", "ec*"],
    async provoke(program, server) {
      const answer = await call(program);
      assert.equal(server.calls("tools/call").length, 0);
      return answer;
    },
  },
  {
    title: "a call that takes longer than --request-timeout",
    code: "REQUEST_TIMEOUT",
    args: ["--request-timeout", "0.5"],
    server: { on: { "tools/call": (_request, reply) => reply.hang() } },
  },
  {
    title: "a call that is still open when the program ends",
    code: "SHUTTING_DOWN",
    args: ["--drain-timeout", "0"],
    server: { on: { "tools/call": (_request, reply) => reply.hang() } },
    async provoke(program) {
      const answer = call(program);
      await program.closeStdin();
      return await answer;
    },
  },
];

for (const { title, code, args = [], server: options = {}, provoke = call } of FAILING) {
  Deno.test(`${title}: ${code}, with a hint`, async () => {
    await using server = await startRawServer(options);
    await using program = startProgram(["proxy", ...args, server.url]);
    await program.initialize();
    assertOwnError(await provoke(program, server), code, server.url);
    if (code === "SHUTTING_DOWN") return;
    // The session goes on.
    if (code !== "SESSION_LOST") assert.deepEqual((await program.request("ping")).result, {});
  });
}

Deno.test("more requests than can wait while the client is being asked: OVERLOADED, the others are answered", async () => {
  const COUNT = 17_000;
  await using server = await startRawLineServer();
  const asked = Promise.withResolvers<WireMessage>();
  const held = Promise.withResolvers<void>();
  server.on("tools/call", async (message, peer) => {
    asked.resolve(await peer.request("elicitation/create", { message: "Who?" }, 60_000));
    await peer.result(message, {});
    held.resolve();
  });
  await using program = startProgram(["proxy", "--max-in-flight", "1", server.endpoint]);
  await program.initialize({ capabilities: { elicitation: {} } });
  await program.send({ jsonrpc: "2.0", id: "first", method: "tools/call", params: { name: "ask" } });
  const { id } = await program.nextMethod("elicitation/create");
  const lines = Array.from({ length: COUNT }, (_, n) => `{"jsonrpc":"2.0","id":${n},"method":"ping"}\n`);
  lines.push("");
  await program.send(lines.join(""));
  const refused = await program.next(({ error }) => error !== undefined, 60_000);
  assertOwnError(refused, "OVERLOADED", server.endpoint);
  await program.send({ jsonrpc: "2.0", id, result: { action: "decline" } });
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
  await program.next(() => false).catch(() => {});
  const seen = new Map<unknown, number>();
  for (const message of program.messages) {
    if (message.method === undefined) seen.set(message.id, (seen.get(message.id) ?? 0) + 1);
  }
  // The answer to the handshake shares its id with one of the pings.
  assert.equal(seen.get(1), 2);
  seen.set(1, 1);
  assert.equal(seen.size, COUNT + 1);
  assert.ok([...seen.values()].every((count) => count === 1));
});

Deno.test("a command that dies during a call: every open request is told, and how it died", {
  ignore: isWindows,
}, async () => {
  const script = `
    while IFS= read -r line; do case $line in
      *initialize\\"*) echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"sh","version":"1"}}}' ;;
      *last*) echo "Error: out of memory" >&2; exit 7 ;;
    esac; done`;
  await using program = startProgram(["proxy", "--", "sh", "-c", script]);
  await program.initialize();
  const answers = await Promise.all(
    ["first", "second", "last"].map((name) => program.request("tools/call", { name })),
  );
  for (const { error } of answers) {
    assert.equal(error?.data.code, "CONNECTION_LOST");
    assert.match(error?.message ?? "", /exited with code 7: Error: out of memory/);
  }
});
