/** The end of stdin: what is in flight is drained, then everything is let go of, over every wire. */
import assert from "node:assert/strict";
import { gone, isWindows } from "../link/child/processes.ts";
import { programCommand, programEnvironment, type ProgramOptions, startProgram } from "../support/program.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";
import type { WireMessage } from "../support/wire_message.ts";
import { ended, LEFT_MS, overEachWire, shellPids, shellServer } from "./process_wires.ts";

const unix = { ignore: isWindows };
const INITIALIZE = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } },
});
const INITIALIZED = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
const call = (id: number | string) =>
  `{"jsonrpc":"2.0","id":${
    JSON.stringify(id)
  },"method":"tools/call","params":{"name":"echo","arguments":{"id":${JSON.stringify(id)}}}}`;

/** Runs the program on the other end of a shell's pipe, as `printf … | mcp-connect proxy …` does. */
async function pipe(
  input: string,
  args: readonly string[],
  options: Pick<ProgramOptions, "permissions"> = {},
): Promise<{ code: number; answers: WireMessage[]; stderr: string }> {
  const [command, ...rest] = programCommand(["proxy", ...args], options);
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", 'input=$1; shift; printf %s "$input" | "$@"', "sh", input, command, ...rest],
    clearEnv: true,
    env: programEnvironment(),
    stdin: "null",
  }).output();
  const answers = new TextDecoder().decode(stdout).split("\n").filter((line) => line !== "").map((line) =>
    JSON.parse(line)
  );
  return { code, answers, stderr: new TextDecoder().decode(stderr) };
}

const ids = (answers: WireMessage[]) => answers.map(({ id }) => id);

Deno.test(
  "printf | mcp-connect prints every answer and exits 0, the last line without newline too",
  unix,
  async () => {
    await using server = await startRawServer();
    const input = [INITIALIZE, INITIALIZED, call(2), call("three"), call(4)].join("\n");
    const { code, answers } = await pipe(input, [server.url]);
    assert.equal(code, 0);
    assert.deepEqual(ids(answers).sort(), [1, 2, 4, "three"]);
    assert.ok(answers.every(({ result }) => result !== undefined));
    await server.received(({ method }) => method === "DELETE");
    assert.deepEqual(server.violations, []);
  },
);

Deno.test(
  "printf | mcp-connect waits for answers that come long after stdin's end, over every wire",
  unix,
  async () => {
    await using http = await startRawServer();
    await using tcp = await startRawLineServer();
    // The later ones are answered first, and none before all are there: stdin has ended by then.
    const all = Promise.withResolvers<void>();
    let count = 0;
    http.on("tools/call", async (request, reply) => {
      if (++count === 3) all.resolve();
      await all.promise;
      await reply.result({ n: request.message.id });
    });
    const held: WireMessage[] = [];
    tcp.on("tools/call", async (message, peer) => {
      if (held.push(message) < 3) return;
      for (const one of held.reverse()) await peer.result(one, { n: one.id });
    });
    const input = [INITIALIZE, INITIALIZED, call(2), call(3), call(4)].join("\n");
    for (const endpoint of [http.url, tcp.endpoint]) {
      const { code, answers } = await pipe(input, [endpoint]);
      assert.equal(code, 0);
      assert.deepEqual(ids(answers).sort(), [1, 2, 3, 4]);
      assert.deepEqual(answers.filter(({ id }) => id !== 1).map(({ result }) => result?.n).sort(), [2, 3, 4]);
    }
  },
);

Deno.test("printf | mcp-connect prints every answer of a command", unix, async () => {
  const ping = '{"jsonrpc":"2.0","id":2,"method":"ping"}\n{"jsonrpc":"2.0","id":3,"method":"ping"}';
  const { code, answers } = await pipe([INITIALIZE, INITIALIZED, ping].join("\n"), [...shellServer("idle")]);
  assert.equal(code, 0);
  assert.deepEqual(ids(answers), [1, 2, 3]);
});

Deno.test("printf | mcp-connect says why when the server is not there, and still exits 0", unix, async () => {
  const { port, close } = await startRawServer();
  await close();
  const { code, answers } = await pipe([INITIALIZE, INITIALIZED, call(2)].join("\n"), [
    `http://127.0.0.1:${port}/`,
  ]);
  assert.equal(code, 0);
  assert.deepEqual(ids(answers), [1, 2]);
  for (const { error } of answers) assert.equal(error?.data.code, "UNREACHABLE");
});

Deno.test("a notification before stdin's end still reaches the server", unix, async () => {
  await using server = await startRawServer();
  const changed = '{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}';
  const { code } = await pipe([INITIALIZE, INITIALIZED, changed].join("\n"), [server.url]);
  assert.equal(code, 0);
  assert.deepEqual(
    server.requests.map(({ method, message }) => message.method ?? method).filter((it) => it !== "GET"),
    [
      "initialize",
      "notifications/initialized",
      "notifications/roots/list_changed",
      "DELETE",
    ],
  );
});

Deno.test("stdin that ends before the first message: exit code 0, and the server was never asked", () =>
  overEachWire("idle", async (server) => {
    await using program = startProgram(["proxy", ...server.endpoint]);
    await program.closeStdin();
    assert.deepEqual(await ended(program), { code: 0, signal: null });
    assert.equal(program.stdout(), "");
    assert.equal(server.opened(), 0);
  }));

Deno.test("stdin that ends while nothing is going on: all is let go of, exit code 0", () =>
  overEachWire("idle", async (server) => {
    await using program = startProgram(["proxy", ...server.endpoint]);
    await program.initialize();
    await server.stuck(program);
    await program.closeStdin();
    assert.deepEqual(await ended(program), { code: 0, signal: null });
    await server.left(LEFT_MS);
  }));

for (const phase of ["initialize", "call", "question"] as const) {
  Deno.test(`--drain-timeout bounds the wait for answers after stdin's end (phase: ${phase})`, () =>
    overEachWire(phase, async (server) => {
      await using program = startProgram(["proxy", "--drain-timeout", "0.5", ...server.endpoint]);
      if (phase === "initialize") await program.send(INITIALIZE);
      else {
        await program.initialize({ capabilities: { elicitation: {} } });
        await program.send(call(2));
      }
      await server.stuck(program);
      const since = performance.now();
      await program.closeStdin();
      assert.deepEqual(await ended(program), { code: 0, signal: null });
      assert.ok(performance.now() - since >= 450);
      const { error } = await program.response(phase === "initialize" ? 1 : 2);
      assert.equal(error?.data.code, "SHUTTING_DOWN");
      await server.left(LEFT_MS);
    }));
}

Deno.test("stdin that ends while the server waits for the client: the server is told that nobody will answer", async () => {
  await using server = await startRawServer();
  server.on("tools/call", async (_request, reply) => {
    const stream = await reply.sse();
    const { error } = await stream.request("elicitation/create", { message: "Who?" });
    await stream.result({ refused: error?.message });
    await stream.end();
  });
  await using program = startProgram(["proxy", server.url]);
  await program.initialize({ capabilities: { elicitation: {} } });
  await program.send(call(2));
  await program.nextMethod("elicitation/create");
  await program.closeStdin();
  // What the server makes of it still arrives.
  assert.match((await program.response(2)).result.refused, /ended/);
  assert.equal((await ended(program)).code, 0);
});

Deno.test("a client that reads slowly gets its last answers whole after it closed stdin", async () => {
  await using server = await startRawServer();
  const text = "x".repeat(4 << 20);
  server.on("tools/call", (_request, reply) => reply.result({ content: [{ type: "text", text }] }));
  await using program = startProgram(["proxy", server.url]);
  await program.initialize();
  program.pauseStdout();
  await program.send(call(2));
  await program.closeStdin();
  // All but the reading is over; what is left waits for the client.
  await server.received(({ method }) => method === "DELETE");
  await new Promise((resolve) => setTimeout(resolve, 2500));
  assert.equal(program.ended(), false);
  program.resumeStdout();
  assert.equal((await program.response(2)).result.content[0].text, text);
  assert.equal((await ended(program)).code, 0);
});

Deno.test("a signal cuts the drain short", unix, async () => {
  await overEachWire("call", async (server) => {
    await using program = startProgram(["proxy", "--drain-timeout", "600", ...server.endpoint]);
    await program.initialize();
    await program.send(call(2));
    await server.stuck(program);
    await program.closeStdin();
    await program.waitStderr(/the client closed stdin/);
    program.kill("SIGTERM");
    assert.equal((await ended(program)).code, 0);
    assert.equal((await program.response(2)).error?.data.code, "SHUTTING_DOWN");
    await server.left(LEFT_MS);
  });
});

Deno.test("a client that closes stdout is noticed at the next message, and everything is let go of", () =>
  overEachWire("call", async (server) => {
    await using program = startProgram(["proxy", ...server.endpoint]);
    await program.initialize();
    await program.send(call(2));
    await server.stuck(program);
    await program.closeStdout();
    // Garbage is answered at once, which is how the program learns of it.
    await program.send("garbage").catch(() => {});
    const { code, signal } = await program.status;
    assert.deepEqual({ code, signal }, { code: 0, signal: null });
    await server.left(LEFT_MS);
  }));

Deno.test(
  "a client that closes stdout and says nothing more is noticed too",
  unix,
  () =>
    overEachWire("call", async (server) => {
      await using program = startProgram(["proxy", ...server.endpoint]);
      await program.initialize();
      await program.closeStdout();
      const { code, signal } = await program.status;
      assert.deepEqual({ code, signal }, { code: 0, signal: null });
      assert.match(program.stderr(), /the client closed stdout/);
      await server.left(LEFT_MS);
    }),
);

Deno.test("a parent that is killed takes the program along, though stdin stays open", unix, async () => {
  await using server = await startRawServer();
  const command = programCommand(["proxy", server.url]);
  // The wrapper's stdin is ours and stays open; so does the program's, which is the same pipe.
  const script = 'exec 3<&0; "$@" <&3 & echo "pid $!" >&2; wait';
  await using wrapper = startProgram([], { entry: ["sh", "-c", script, "sh", ...command] });
  const pid = Number((await wrapper.waitStderr(/pid (\d+)/))[1]);
  await wrapper.initialize();
  wrapper.kill("SIGKILL");
  await gone(pid, LEFT_MS);
  await server.received(({ method }) => method === "DELETE");
});

Deno.test(
  "a parent that is killed during a call takes the program and its children along",
  unix,
  async () => {
    const command = programCommand(["proxy", ...shellServer("call", true)]);
    const script = 'exec 3<&0; "$@" <&3 & echo "pid $!" >&2; wait';
    await using wrapper = startProgram([], { entry: ["sh", "-c", script, "sh", ...command] });
    const pid = Number((await wrapper.waitStderr(/pid (\d+)/))[1]);
    await wrapper.initialize();
    const pids = await shellPids(wrapper);
    await wrapper.send(call(2));
    await wrapper.waitStderr(/got tools\/call/);
    wrapper.kill("SIGKILL");
    for (const one of [pid, ...pids]) await gone(one, LEFT_MS);
  },
);
