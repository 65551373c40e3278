/** The log as the client sees it: notifications where and when MCP allows them, and stdout without anything else. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { isWindows } from "../link/child/processes.ts";
import { type Program, startProgram } from "../support/program.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";
import type { WireMessage } from "../support/wire_message.ts";
import { until } from "./process_wires.ts";

const LOGGING = { capabilities: { tools: {}, logging: {} } };
const SILENT = { capabilities: { tools: {} } };

const isLog = ({ method }: WireMessage) => method === "notifications/message";
const logs = (program: Program) => program.messages.filter(isLog);
const nextLog = (program: Program, text: RegExp) =>
  program.next((message) => isLog(message) && text.test(JSON.stringify(message.params.data)));

/** Waits until everything that came before has been dealt with. */
async function settle(program: Program): Promise<void> {
  const id = crypto.randomUUID();
  await program.send({ jsonrpc: "2.0", id, method: "ping" });
  await program.response(id);
}

/** Sends what the program warns of. */
async function provoke(program: Program, mark: string): Promise<void> {
  await program.send(`{"jsonrpc":"1.0","id":"${mark}","method":"ping"}`);
  await program.response(mark);
}

for (const level of ["trace", "debug", "info", "warn", "error"]) {
  Deno.test(`stdout carries nothing but the protocol at --log-level ${level}`, async () => {
    await using server = await startRawServer({ get: "open" });
    server.on("resources/list", (_request, reply) => reply.status(500, "oops"));
    for (const format of ["text", "json"]) {
      await using program = startProgram(["proxy", "--log-level", level, "--log-format", format, server.url]);
      await program.initialize();
      await program.send("garbage");
      await program.request("resources/list");
      await program.request("tools/call", { name: "echo", arguments: {} });
      await program.closeStdin();
      assert.equal((await program.status).code, 0);
      await program.next(() => false).catch(() => {});
      assert.deepEqual(program.noise, []);
      assert.ok(program.messages.every(({ jsonrpc }) => jsonrpc === "2.0"));
    }
  });
}

Deno.test(
  "what a command writes to stderr, or to stdout beside the protocol, never reaches the client's stdout",
  {
    ignore: isWindows,
  },
  async () => {
    const script = `
    echo "starting up..."; echo "debug: noise" >&2; echo '{"level":"info","msg":"json noise"}'
    while IFS= read -r line; do case $line in
      *initialize\\"*) echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"sh","version":"1"}}}' ;;
      *ping*) printf '\\033[31mred\\033[0m\\n'; echo '{"jsonrpc":"2.0","id":2,"result":{}}' ;;
    esac; done`;
    await using program = startProgram(["proxy", "--log-level", "info", "--", "sh", "-c", script]);
    await program.initialize();
    await program.request("ping");
    assert.equal(program.lines.length, 2);
    await program.waitStderr(/starting up/);
    await program.waitStderr(/sh: debug: noise/);
    await program.waitStderr(/json noise/);
  },
);

for (const flags of [[], ["--debug"]]) {
  Deno.test(`no log notification comes before notifications/initialized (${flags.join() || "no flags"})`, async () => {
    await using server = await startRawServer(LOGGING);
    await using program = startProgram(["proxy", ...flags, server.url]);
    await provoke(program, "before initialize");
    const params = {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "t", version: "1" },
    };
    await program.request("initialize", params);
    await provoke(program, "after initialize");
    await settle(program);
    assert.deepEqual(logs(program), []);
    await program.notify("notifications/initialized");
    await provoke(program, "after initialized");
    await nextLog(program, /after initialized|1\.0|jsonrpc/);
    assert.match(program.stderr(), /before initialize/);
  });
}

Deno.test("a client whose server declares no logging gets no log notifications", async () => {
  await using server = await startRawServer(SILENT);
  await using program = startProgram(["proxy", server.url]);
  const { capabilities } = await program.initialize();
  assert.deepEqual(capabilities, { tools: {} });
  await provoke(program, "x");
  await settle(program);
  assert.deepEqual(logs(program), []);
  assert.match(program.stderr(), /WARN/);
});

Deno.test("without --debug the client gets warnings and errors, as a server of its own would send them", async () => {
  await using server = await startRawServer(LOGGING);
  server.on("resources/list", (_request, reply) => reply.status(500, "the disk is full"));
  await using program = startProgram(["proxy", "--log-level", "trace", "--retry-attempts", "0", server.url]);
  await program.initialize();
  await program.request("resources/list");
  const { params } = await nextLog(program, /the disk is full/);
  assert.equal(params.level, "warning");
  assert.equal(params.logger, "mcp-connect");
  assert.equal(typeof params.data.message, "string");
  await settle(program);
  assert.deepEqual(logs(program).map(({ params }) => params.level).filter((it) => it !== "warning"), []);
  assert.match(program.stderr(), /TRACE/);
});

Deno.test("--debug adds the logging capability, and answers logging/setLevel itself where the server has none", async () => {
  await using server = await startRawServer(SILENT);
  await using program = startProgram(["proxy", "--debug", server.url]);
  const { capabilities, serverInfo } = await program.initialize();
  assert.deepEqual(capabilities, { tools: {}, logging: {} });
  assert.deepEqual(serverInfo, { name: "raw-server", version: "1.0.0" });
  // Everything from debug on by default.
  await program.next((message) => isLog(message) && message.params.level === "debug");
  assert.deepEqual((await program.request("logging/setLevel", { level: "error" })).result, {});
  await settle(program);
  const before = logs(program).length;
  await provoke(program, "a warning");
  await settle(program);
  assert.equal(logs(program).length, before);
  assert.deepEqual((await program.request("logging/setLevel", { level: "warning" })).result, {});
  await provoke(program, "another");
  await program.next((message) => isLog(message) && message.params.level === "warning");
  assert.deepEqual(server.calls("logging/setLevel"), []);
});

Deno.test("--debug keeps a level that does not exist from silencing the log: -32602", async () => {
  await using server = await startRawServer(SILENT);
  await using program = startProgram(["proxy", "--debug", server.url]);
  await program.initialize();
  for (const params of [{ level: "loud" }, { level: 3 }, {}, undefined]) {
    assert.equal((await program.request("logging/setLevel", params)).error?.code, -32602);
  }
  await provoke(program, "still heard");
  await program.next((message) => isLog(message) && message.params.level === "warning");
});

Deno.test("where the server logs, --debug leaves its capabilities alone and logging/setLevel goes to it", async () => {
  await using server = await startRawServer({ capabilities: { logging: { custom: 1 } } });
  await using program = startProgram(["proxy", "--debug", server.url]);
  assert.deepEqual((await program.initialize()).capabilities, { logging: { custom: 1 } });
  assert.deepEqual((await program.request("logging/setLevel", { level: "error" })).result, {});
  assert.equal(server.calls("logging/setLevel").length, 1);
  await settle(program);
  const before = logs(program).length;
  await provoke(program, "a warning");
  await settle(program);
  assert.equal(logs(program).length, before);
});

Deno.test("a level that the server refuses changes nothing", async () => {
  await using server = await startRawServer(LOGGING);
  server.on("logging/setLevel", (_request, reply) => reply.error(-32602, "Invalid level"));
  await using program = startProgram(["proxy", server.url]);
  await program.initialize();
  assert.equal((await program.request("logging/setLevel", { level: "emergency" })).error?.code, -32602);
  await provoke(program, "still heard");
  await program.next(isLog);
});

Deno.test("logging/setLevel without logging anywhere is the server's to answer", async () => {
  await using server = await startRawServer(SILENT);
  server.on("logging/setLevel", (_request, reply) => reply.error(-32601, "Method not found"));
  await using program = startProgram(["proxy", server.url]);
  await program.initialize();
  assert.equal((await program.request("logging/setLevel", { level: "debug" })).error?.code, -32601);
});

Deno.test("the data of log notifications has neither time nor colour", async () => {
  await using server = await startRawLineServer(SILENT);
  await using program = startProgram(["proxy", "--debug", "--log-level", "trace", server.endpoint], {
    env: { FORCE_COLOR: "1", NO_COLOR: undefined },
  });
  await program.initialize();
  await provoke(program, "x");
  await settle(program);
  assert.ok(logs(program).length > 0);
  for (const { params } of logs(program)) {
    const text = JSON.stringify(params.data);
    assert.doesNotMatch(text, /\\u001b|\\x1b|\d\d:\d\d:\d\d/);
    assert.equal("time" in params.data || "timestamp" in params.data, false);
    assert.ok(
      ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"].includes(
        params.level,
      ),
    );
  }
});

Deno.test("the server's own log notifications pass, whatever our level", async () => {
  await using server = await startRawServer({ ...LOGGING, get: "open" });
  await using program = startProgram(["proxy", "--log-level", "error", server.url]);
  await program.initialize();
  const data = { text: "12:30:05 \u001b[31mred", token: "not ours to judge" };
  await server.push({ jsonrpc: "2.0", method: "notifications/message", params: { level: "debug", data } });
  assert.deepEqual((await program.next(isLog)).params, { level: "debug", data });
});

Deno.test("a command that writes without end to stderr does not fill us up while the client does not read", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const BYTES = 40_000_000;
  const directory = await Deno.makeTempDir();
  const done = `${directory}/done`;
  const script = `
    while IFS= read -r line; do case $line in
      *initialize\\"*) echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"sh","version":"1"}}}' ;;
      *ping*) yes 'a line as servers write it when they are asked to tell everything' | head -c ${BYTES} >&2; echo >"$1"
        echo '{"jsonrpc":"2.0","id":2,"result":{}}' ;;
    esac; done`;
  await using program = startProgram(["proxy", "--debug", "--", "sh", "-c", script, "sh", done]);
  await program.initialize();
  program.pauseStdout();
  const answer = program.request("ping", undefined, 120_000);
  await until(() => existsSync(done), 120_000, "the command still writes");
  const peak = Number(/VmHWM:\s+(\d+) kB/.exec(await Deno.readTextFile(`/proc/${program.pid}/status`))?.[1]);
  program.resumeStdout();
  assert.deepEqual((await answer).result, {});
  assert.ok(peak < 250 * 1024, `peak of ${peak} kB`);
  await Deno.remove(directory, { recursive: true });
});
