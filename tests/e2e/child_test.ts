/** Servers that are started as child processes. */
import assert from "node:assert/strict";
import { type Program, startProgram } from "../support/program.ts";
import { proxied, startProxy } from "./proxied.ts";
import { isWindows } from "../link/child/processes.ts";
import { scriptedChild } from "./scripted_child.ts";

const DENO = Deno.execPath();
/** A server in one line that tells of itself in `serverInfo`. */
const TELL = `
  const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
  let rest = "";
  for await (const text of lines) {
    const all = (rest + text).split("\\n");
    rest = all.pop();
    for (const line of all) {
      const { id, method, params } = JSON.parse(line);
      if (id === undefined) continue;
      const told = { args: Deno.args, cwd: Deno.cwd(), env: Deno.env.toObject(), pid: Deno.pid };
      const result = method === "initialize"
        ? { protocolVersion: params.protocolVersion, capabilities: {}, serverInfo: { name: "child", version: "1" } }
        : told;
      console.log(JSON.stringify({ jsonrpc: "2.0", id, result }));
    }
  }
`;

/** A directory with the server in it, under a name with a space. */
async function teller(): Promise<{ directory: string; script: string } & AsyncDisposable> {
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "a b " }));
  const script = `${directory}/tell it.ts`;
  await Deno.writeTextFile(script, TELL);
  return { directory, script, [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }) };
}

/** What the child tells of itself. */
async function ask(program: Program) {
  await using it = program;
  await it.initialize();
  return (await it.request("x/tell")).result;
}

/** A text as a part of a command line that may hold spaces and quotes. */
const quoted = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`;

Deno.test("A command line is split at spaces, quotes keep words together", async () => {
  await using it = await teller();
  const line = `${quoted(DENO)} run -A --quiet ${
    quoted(it.script)
  } one 'two three' "four \\"five\\"" '' $HOME *`;
  const { args } = await ask(startProgram(["proxy", "--endpoint", line]));
  assert.deepEqual(args, ["one", "two three", 'four "five"', "", "$HOME", "*"]);
});

Deno.test("What follows -- is the command and its arguments, as they are", async () => {
  await using it = await teller();
  const args = ["a b", '"', "'", "\\", "", "--endpoint", "--help", "$HOME", "*", "ü😀", "a\nb"];
  const told = await ask(startProgram(["proxy", "--", DENO, "run", "-A", "--quiet", it.script, ...args]));
  assert.deepEqual(told.args, args);
});

Deno.test("--cwd and --env are the command's, which has our environment otherwise", async () => {
  await using it = await teller();
  const args = ["--cwd", it.directory, "--env", "ONE=1=1", "--env", "TWO=a b"];
  const told = await ask(
    startProxy([DENO, "run", "-A", "--quiet", "./tell it.ts"], { args, env: { THREE: "3", TWO: "ours" } }),
  );
  assert.equal(told.cwd, it.directory);
  assert.deepEqual([told.env.ONE, told.env.TWO, told.env.THREE], ["1=1", "a b", "3"]);
});

Deno.test("A child's stderr is in our log, with its name, at level info", async () => {
  await using child = scriptedChild({
    start: `Deno.stderr.writeSync(encoder.encode("hello from \\u001b[31mthe child\\u001b[0m\\n"));`,
  });
  {
    await using program = await proxied(child.command, { args: ["--log-level", "info"] });
    const [line] = await program.waitStderr(/.*hello from.*\n/);
    assert.match(line, /INFO .*deno/);
    assert.equal(line.includes("\u001b"), false, "control characters are neutralised");
  }
  await using program = await proxied(child.command);
  await program.request("ping");
  assert.equal(program.stderr(), "");
});

Deno.test("What a child writes to stdout that is no JSON is dropped with a warning", async () => {
  await using child = scriptedChild({
    start: `say("Server starting..."); say("");`,
    "tools/call": `say("debug: called"); say("[1,2"); say('{"no":"JSON-RPC"}'); reply({ ok: true });`,
  });
  await using program = await proxied(child.command);
  assert.deepEqual((await program.request("tools/call", {})).result, { ok: true });
  await program.waitStderr(/WARN .*Server starting/);
  await program.waitStderr(/WARN .*debug: called/);
  await program.waitStderr(/WARN .*no.*JSON-RPC/);
  assert.deepEqual(program.noise, []);
});

Deno.test("Everything crosses a child's pipes: questions, notifications, cancellations", async () => {
  await using child = scriptedChild({
    "tools/call": `
      say('{"jsonrpc":"2.0","method":"x/hello"}');
      say(JSON.stringify({ jsonrpc: "2.0", id: message.id, method: "roots/list" }));
    `,
  });
  await using program = await proxied(child.command, { initialize: { capabilities: { roots: {} } } });
  program.respond("roots/list", () => ({ roots: [{ uri: "file:///a" }] }));
  await program.send({ jsonrpc: "2.0", id: "slow", method: "tools/call", params: {} });
  await program.nextMethod("x/hello");
  const answer = JSON.parse(await child.received('"result":{"roots"'));
  assert.deepEqual(answer, { jsonrpc: "2.0", id: "slow", result: { roots: [{ uri: "file:///a" }] } });
  await program.notify("notifications/cancelled", { requestId: "slow", reason: "enough" });
  const told = JSON.parse(await child.received("notifications/cancelled"));
  assert.deepEqual(told.params, { requestId: "slow", reason: "enough" });
  await program.request("ping");
  assert.equal(program.messages.some(({ id, method }) => id === "slow" && method === undefined), false);
});

Deno.test("A command that does not exist is an error to initialize that names it", async () => {
  await using program = startProxy("no-such-command-anywhere --flag");
  await assert.rejects(program.initialize(), /-31003 .*command not found: no-such-command-anywhere/);
  const { error } = program.messages[0]!;
  assert.equal(error?.data.code, "COMMAND");
  assert.match(error?.data.hint, /PATH/);
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
});

Deno.test("A directory that does not exist is a usage error that names the option", async () => {
  await using program = startProxy([DENO, "--version"], { args: ["--cwd", "/no/such/directory"] });
  assert.equal((await program.status).code, 2);
  assert.match(program.stderr(), /--cwd: \/no\/such\/directory does not exist/);
});

Deno.test("A command that ends at once is an error to initialize that shows what it said", async () => {
  await using program = startProxy([DENO, "eval", "console.error('missing API key'); Deno.exit(3)"]);
  await assert.rejects(program.initialize(), /-31007 .*exited with code 3.*missing API key/);
});

Deno.test("A child that closes its stdout and lives on is said to have done so, at once", {
  ignore: isWindows,
}, async () => {
  await using program = startProxy(["sh", "-c", "read -r line; exec >&-; sleep 1000"]);
  const { error } = await program.request("initialize", {}, 2000);
  assert.equal(error?.data.code, "CONNECTION_LOST");
  assert.match(error!.message, /it closed its stdout/);
});

Deno.test("A child that ends in mid-call leaves its calls with an error each that says how", async () => {
  await using child = scriptedChild({ "tools/call": `if (message.params.last) Deno.exit(7);` });
  await using program = await proxied(child.command);
  const answers = await Promise.all(
    [false, false, true].map((last) => program.request("tools/call", { last })),
  );
  for (const { error } of answers) {
    assert.equal(error?.data.code, "CONNECTION_LOST");
    assert.match(error?.message ?? "", /exited with code 7/);
    assert.match(error?.data.hint, /may have been carried out/);
  }
  assert.deepEqual((await program.request("ping")).result, {}, "what comes later gets a new child");
});

Deno.test("A child's answer that it began before it ended is not lost", async () => {
  await using child = scriptedChild({
    "tools/call": `reply({ text: "x".repeat(300_000) }); Deno.exit(0);`,
  });
  await using program = await proxied(child.command);
  assert.equal((await program.request("tools/call", {})).result.text.length, 300_000);
});

Deno.test("A large argument reaches the child whole, and a large result comes back", async () => {
  await using child = scriptedChild({ "tools/call": `reply({ text: message.params.text });` });
  await using program = await proxied(child.command);
  const text = "ü".repeat(4 * 1024 * 1024);
  assert.equal((await program.request("tools/call", { text }, 60_000)).result.text, text);
});
