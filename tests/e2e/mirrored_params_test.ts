/** Legacy servers over HTTP that want arguments mirrored into headers. */
import assert from "node:assert/strict";
import type { RawReply, RawRequest } from "../support/raw_http.ts";
import { type RawServer, startRawServer } from "../support/raw_server.ts";
import { proxied } from "./proxied.ts";

const TOOLS = [
  { name: "echo", inputSchema: { type: "object" } },
  {
    name: "query",
    inputSchema: {
      type: "object",
      properties: {
        region: { type: "string", "x-mcp-header": "Region" },
        limit: { type: "integer", "x-mcp-header": "Limit" },
        sql: { type: "string" },
      },
    },
  },
  {
    name: "wrong",
    inputSchema: { type: "object", properties: { ratio: { type: "number", "x-mcp-header": "Ratio" } } },
  },
];

/** Refuses a call whose headers do not say what the body says, as hosted servers do. */
async function enforce({ message, headers }: RawRequest, reply: RawReply): Promise<unknown> {
  const { name, arguments: args } = message.params;
  const wanted = { "mcp-name": name, "mcp-param-region": args?.region, "mcp-param-limit": args?.limit };
  if (name !== "query") return "default";
  for (const [header, value] of Object.entries(wanted)) {
    if (headers.get(header) === (value === undefined ? null : `${value}`)) continue;
    return await reply.error(-32020, `Header mismatch: ${header}`, undefined, { status: 400 });
  }
  return "default";
}

const calls = (server: RawServer) =>
  server.calls("tools/call").map(({ headers }) =>
    [...headers].filter(([name]) => /^mcp-(?:name|param)/.test(name)).map(([name, value]) =>
      `${name}: ${value}`
    )
  );

Deno.test("Arguments of tools that the client has listed are mirrored, and no tool is left out", async () => {
  await using server = await startRawServer({ tools: TOOLS, on: { "tools/call": enforce } });
  await using program = await proxied(server.url);
  const { result } = await program.request("tools/list");
  assert.deepEqual(result.tools, TOOLS);
  const call = '{"jsonrpc":"2.0","id":"q","method":"tools/call","params":{"name":"query",' +
    '"arguments":{"region":"eu","limit":42 , "sql":"1"}}}';
  await program.send(call);
  await program.response("q");
  await program.request("tools/call", { name: "wrong", arguments: { ratio: 1 } });
  await program.request("tools/call", { name: "echo" });
  assert.deepEqual(calls(server), [
    ["mcp-name: query", "mcp-param-limit: 42", "mcp-param-region: eu"],
    [],
    [],
  ]);
  const [first] = server.calls("tools/call");
  assert.equal(first!.body, call);
  assert.equal(first!.headers.get("mcp-protocol-version"), "2025-11-25");
  assert.equal(first!.headers.get("mcp-session-id"), server.sessions[0]);
  assert.deepEqual(server.violations, []);
  await program.closeStdin();
  await program.status;
  assert.equal(program.stderr(), "");
});

Deno.test("A client that has listed nothing gets its answer after one list of our own, in its session", async () => {
  await using server = await startRawServer({ tools: TOOLS, on: { "tools/call": enforce } });
  await using program = await proxied(server.url);
  const { result } = await program.request("tools/call", { name: "query", arguments: { region: "eu" } });
  assert.deepEqual(result.structuredContent, { region: "eu" });
  await program.request("tools/call", { name: "query", arguments: { region: "us" } });
  assert.deepEqual(
    server.requests.map(({ message }) => message.method).filter((it) => it?.startsWith("tools")),
    [
      "tools/call",
      "tools/list",
      "tools/call",
      "tools/call",
    ],
  );
  assert.deepEqual(calls(server), [
    [],
    ["mcp-name: query", "mcp-param-region: eu"],
    ["mcp-name: query", "mcp-param-region: us"],
  ]);
  const [first, second] = server.calls("tools/call");
  assert.equal(second!.body, first!.body);
  assert.match(String(server.calls("tools/list")[0]!.message.id), /^mcp-connect-headers-/);
  assert.deepEqual(server.violations, []);
  assert.deepEqual(program.messages.map(({ id }) => id), [1, 2, 3]);
});

Deno.test("A server that misses a header whatever is sent is heard", async () => {
  await using server = await startRawServer({
    tools: TOOLS,
    on: {
      "tools/call": (_request, reply) => reply.error(-32020, "Header mismatch", { x: 1 }, { status: 400 }),
    },
  });
  await using program = await proxied(server.url);
  const { error } = await program.request("tools/call", { name: "query", arguments: { region: "eu" } });
  assert.equal(error?.code, -32020);
  assert.equal(server.calls("tools/call").length, 2);
  assert.equal(server.calls("tools/list").length, 1);
});

Deno.test("A session that is established again knows nothing of the one before, and finds out again", async () => {
  await using server = await startRawServer({ tools: TOOLS, on: { "tools/call": enforce } });
  await using program = await proxied(server.url);
  await program.request("tools/call", { name: "query", arguments: { region: "eu" } });
  server.forgetSessions();
  const { result } = await program.request("tools/call", { name: "query", arguments: { region: "us" } });
  assert.deepEqual(result.structuredContent, { region: "us" });
  assert.equal(server.sessions.length, 2);
});
