/** `--allow-tool` and `--ignore-tool`: a hidden tool is not listed, and a call of it never leaves. */
import assert from "node:assert/strict";
import { startSdkHttpServer } from "../support/sdk_servers.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";
import { officialClient } from "./official_tour.ts";
import { proxied } from "./proxied.ts";

/** Tools whose bytes a filter must not touch. */
const TOOLS = ["read_file", "read_dir", "write_file", "delete_file", "Read_file", "a.b"];
const toolText = (name: string) =>
  `{ "x":1E400,"name" : ${JSON.stringify(name)}, "inputSchema":{"type":"object","big":9007199254740993} }`;
const LIST = `"result":{"z":1.0, "tools" : [${TOOLS.map(toolText).join(" ,\n")}], "nextCursor":"c"}`;

async function listing(args: readonly string[]): Promise<{ names: string[]; line: string }> {
  await using server = await startRawServer({
    on: { "tools/list": ({ message }, reply) => reply.body(`{"jsonrpc":"2.0","id":${message.id},${LIST}}`) },
  });
  await using program = await proxied(server.url, { args });
  const { result } = await program.request("tools/list");
  assert.equal(result.nextCursor, "c");
  return { names: result.tools.map(({ name }: { name: string }) => name), line: program.lines.at(-1)! };
}

const filters: [args: string[], shown: string[]][] = [
  [["--allow-tool", "read_*"], ["read_file", "read_dir"]],
  [["--ignore-tool", "*_file"], ["read_dir", "a.b"]],
  [["--allow-tool", "*_file", "--ignore-tool", "delete_*"], ["read_file", "write_file", "Read_file"]],
  [["--allow-tool", "read_???"], ["read_dir"]],
  [["--allow-tool", "a.b"], ["a.b"]],
  [["--allow-tool", "a?b", "--allow-tool", "Read_file"], ["Read_file", "a.b"]],
  [["--allow-tool", "nothing"], []],
  [["--ignore-tool", "*"], []],
];
for (const [args, shown] of filters) {
  Deno.test(`${args.join(" ")} shows ${shown.join(", ") || "nothing"}, with the bytes they had`, async () => {
    const { names, line } = await listing(args);
    assert.deepEqual(names, shown);
    for (const name of shown) assert.ok(line.includes(toolText(name)), line);
    assert.ok(line.includes('"z":1.0'), line);
  });
}

Deno.test("Without a filter a list's bytes are the server's", async () => {
  const { line } = await listing([]);
  assert.ok(line.includes(LIST.replaceAll("\n", " ")), line);
});

Deno.test("A call of a hidden tool is refused here and never leaves; others do", async () => {
  await using server = await startRawServer();
  await using program = await proxied(server.url, { args: ["--ignore-tool", "delete_*"] });
  const { error } = await program.request("tools/call", { name: "delete_file" });
  assert.deepEqual([error?.code, error?.data.code], [-31014, "TOOL_FILTERED"]);
  assert.match(error?.message ?? "", /delete_file.*not sent/);
  const { result } = await program.request("tools/call", {
    name: "echo",
    arguments: { name: "delete_file" },
  });
  assert.deepEqual(result.structuredContent, { name: "delete_file" });
  assert.equal(server.calls("tools/call").length, 1);
});

Deno.test("A call can't be dressed up to get past the filter", async () => {
  await using server = await startRawServer();
  await using program = await proxied(server.url, { args: ["--allow-tool", "echo"] });
  const params = [
    String.raw`{"name":"\u0064elete_file"}`,
    '{"name":"echo","name":"delete_file"}',
    '{"name":"delete_file","name":"echo"}',
    String.raw`{"name":"echo","n\u0061me":"delete_file"}`,
    '{"Name":"delete_file"}',
    '{"name":"echo","NAME":"delete_file"}',
    '{"name":["delete_file"]}',
    '{"name":null}',
    "{}",
    '["delete_file"]',
    '{"name":"delete_file "}',
    '{"name":"echo\\n"}',
  ];
  for (const [i, text] of params.entries()) {
    await program.send(`{"jsonrpc":"2.0","id":"t${i}","method":"tools/call","params":${text}}`);
    assert.ok((await program.response(`t${i}`)).error !== undefined, text);
  }
  await program.send('{"jsonrpc":"2.0","id":"none","method":"tools/call"}');
  assert.ok((await program.response("none")).error !== undefined);
  assert.equal(server.calls("tools/call").length, 0);
  await program.send(
    String.raw`{"jsonrpc":"2.0","id":"fine","method":"tools/call","params":{"name":"\u0065cho"}}`,
  );
  assert.ok((await program.response("fine")).result !== undefined);
});

Deno.test("A hidden tool stays hidden in a batch", async () => {
  await using server = await startRawServer();
  const args = ["--ignore-tool", "delete_*"];
  await using program = await proxied(server.url, { args, initialize: { protocolVersion: "2025-03-26" } });
  await program.send([
    { jsonrpc: "2.0", id: "no", method: "tools/call", params: { name: "delete_file" } },
    { jsonrpc: "2.0", id: "yes", method: "tools/call", params: { name: "echo" } },
  ]);
  assert.equal((await program.response("no")).error?.code, -31014);
  assert.ok((await program.response("yes")).result !== undefined);
  assert.equal(server.requests.some(({ body }) => body.includes("delete_file")), false);
});

Deno.test("The filter holds on other wires and for the official client", async () => {
  await using lines = await startRawLineServer({ tools: TOOLS.map((name) => ({ name, inputSchema: {} })) });
  {
    await using program = await proxied(lines.endpoint, { args: ["--allow-tool", "read_*"] });
    const { result } = await program.request("tools/list");
    assert.deepEqual(result.tools.map(({ name }: { name: string }) => name), ["read_file", "read_dir"]);
    assert.equal((await program.request("tools/call", { name: "write_file" })).error?.code, -31014);
    assert.equal(lines.received.some(({ text }) => text.includes("write_file")), false);
  }
  await using server = await startSdkHttpServer();
  await using official = await officialClient([server.url, "--allow-tool", "e*", "--ignore-tool", "elicit"]);
  assert.deepEqual((await official.client.listTools()).tools.map(({ name }) => name), ["echo"]);
  assert.equal(await official.call("echo", { text: "ü" }), "ü");
  await assert.rejects(official.call("add", { a: 1, b: 2 }), /hidden/);
});
