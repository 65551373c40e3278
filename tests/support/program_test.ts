import assert from "node:assert/strict";
import { type Program, type ProgramOptions, startProgram } from "./program.ts";

/** A stand-in for the program: it runs `code` for each message that comes in. */
function standIn(code: string, options: ProgramOptions = {}): Program {
  const script = `
    const say = (text) => Deno.stdout.writeSync(new TextEncoder().encode(text));
    const tell = (value) => say(JSON.stringify(value) + "\\n");
    let rest = "";
    for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\\n");
      rest = lines.pop();
      for (const line of lines) {
        const message = JSON.parse(line);
        ${code}
      }
    }
  `;
  return startProgram([], { ...options, entry: [Deno.execPath(), "eval", script] });
}

const ECHO = `
  if (message.method && message.id !== undefined) tell({ jsonrpc: "2.0", id: message.id, result: message.params ?? {} });
`;

Deno.test("Program answers requests under ids of its own, and ends when stdin closes", async () => {
  await using program = standIn(ECHO);
  const [a, b] = await Promise.all([program.request("x", { n: 1 }), program.request("y", { n: 2 })]);
  assert.deepEqual([a.id, a.result, b.id, b.result], [1, { n: 1 }, 2, { n: 2 }]);
  await program.send('{"jsonrpc":"2.0","id":"own","method":"z","params":{"big":9007199254740993}}');
  await program.response("own");
  await program.closeStdin();
  const { code, signal, ms } = await program.status;
  assert.deepEqual([code, signal], [0, null]);
  assert.ok(ms > 0);
  assert.equal(program.lines[0], '{"jsonrpc":"2.0","id":1,"result":{"n":1}}');
});

Deno.test("Program gives out each message once, in order, those that came earlier too", async () => {
  await using program = standIn(`
    for (let i = 1; i <= 3; i++) tell({ jsonrpc: "2.0", method: "notifications/progress", params: { progress: i } });
    say('[{"jsonrpc":"2.0","method":"one"},{"jsonrpc":"2.0","method":"two"}]\\n');
  `);
  await program.notify("go");
  assert.equal((await program.nextMethod("two")).method, "two");
  const progress = [];
  for (let i = 0; i < 3; i++) {
    progress.push((await program.nextMethod("notifications/progress")).params.progress);
  }
  assert.deepEqual(progress, [1, 2, 3]);
  await assert.rejects(program.nextMethod("two", 20), /nothing matched within 20 ms/);
});

Deno.test("Program answers server requests, late responders included", async () => {
  await using program = standIn(`
    if (message.method === "go") {
      tell({ jsonrpc: "2.0", id: "s1", method: "roots/list" });
      tell({ jsonrpc: "2.0", id: "s2", method: "elicitation/create", params: { message: "?" } });
    } else tell({ jsonrpc: "2.0", method: "seen", params: message });
  `);
  program.respond("elicitation/create", () => {
    throw { code: -1, message: "declined" };
  });
  await program.notify("go");
  const refused = await program.nextMethod("seen");
  assert.deepEqual(refused.params, { jsonrpc: "2.0", id: "s2", error: { code: -1, message: "declined" } });
  program.respond("roots/list", () => ({ roots: [] }));
  assert.deepEqual((await program.nextMethod("seen")).params, {
    jsonrpc: "2.0",
    id: "s1",
    result: { roots: [] },
  });
});

Deno.test("Program tells at once, and why, when it ends under a wait", async () => {
  await using program = standIn(
    `Deno.stderr.writeSync(new TextEncoder().encode("reason: tired\\n")); Deno.exit(3);`,
  );
  await assert.rejects(program.request("x"), /ended with code 3; stderr: reason: tired/);
  assert.equal((await program.waitStderr(/reason: (\w+)/))[1], "tired");
  assert.equal((await program.status).code, 3);
});

Deno.test("Program fails when stdout carries what is no JSON-RPC", async () => {
  const program = standIn(`say("hello\\n"); tell({ jsonrpc: "2.0", method: "done" });`);
  await program.notify("go");
  await program.nextMethod("done");
  await assert.rejects(
    async () => await program[Symbol.asyncDispose](),
    /stdout carried what is no JSON-RPC: hello/,
  );
});

Deno.test("Program keeps multi-byte characters that come in pieces and an unfinished last line", async () => {
  await using program = standIn(
    `for (const byte of new TextEncoder().encode("ü😀\\nrest")) Deno.stdout.writeSync(Uint8Array.of(byte));`,
    { protocol: false },
  );
  await program.notify("go");
  await program.closeStdin();
  await program.status;
  await program[Symbol.asyncDispose]();
  assert.equal(program.stdout(), "ü😀\nrest");
});

Deno.test("Program is killed when it does not end by itself", async () => {
  const program = standIn(`tell({ jsonrpc: "2.0", method: "up" }); setInterval(() => {}, 1000);`, {
    graceMs: 50,
  });
  await program.notify("go");
  await program.nextMethod("up");
  await program[Symbol.asyncDispose]();
  assert.equal((await program.status).code === 0, false);
});

Deno.test("Program can stop reading stdout, and close it", async () => {
  await using program = standIn(
    `for (let i = 0; ; i++) try { tell({ jsonrpc: "2.0", method: "n", params: "x".repeat(60000) }); } catch { Deno.exit(7); }`,
  );
  program.pauseStdout();
  await program.notify("go");
  await program.closeStdout();
  assert.equal((await program.status).code, 7);
});
