/** Thousands of requests at once: each is answered exactly once, whatever order and disorder the server answers in. */
import assert from "node:assert/strict";
import { type Program, startProgram } from "../support/program.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";
import { startRawSseServer } from "../support/raw_sse_server.ts";
import type { WireMessage } from "../support/wire_message.ts";

const SEED = 20_260_728;
const LONG_MS = 120_000;

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** How often each id was answered. */
function answerCounts(program: Program): Map<unknown, number> {
  const counts = new Map<unknown, number>();
  for (const { id, method } of program.messages) {
    if (method === undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

/** Ends the session and waits for all that is still due. */
async function finish(program: Program): Promise<void> {
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
  await program.next(() => false, LONG_MS).catch(() => {});
}

const call = (id: number | string) =>
  `${
    JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params: { name: "echo", arguments: { id } } })
  }\n`;

Deno.test("--max-in-flight bounds what the server has at once; 2,000 requests in one go are all answered", async () => {
  const LIMIT = 8;
  const COUNT = 2000;
  let now = 0;
  let most = 0;
  await using server = await startRawServer({
    on: {
      "tools/call": async (request, reply) => {
        most = Math.max(most, ++now);
        // The limit is reached before the first is answered.
        while (most < LIMIT) await new Promise((resolve) => setTimeout(resolve, 1));
        now--;
        await reply.result({ echo: request.message.params.arguments.id });
      },
    },
  });
  await using program = startProgram(["proxy", "--max-in-flight", `${LIMIT}`, server.url]);
  await program.initialize();
  await program.send(Array.from({ length: COUNT }, (_, n) => call(`c${n}`)).join(""));
  await finish(program);
  assert.equal(most, LIMIT);
  assert.equal(server.calls("tools/call").length, COUNT);
  const counts = answerCounts(program);
  assert.equal(counts.size, COUNT + 1);
  assert.ok([...counts.values()].every((count) => count === 1));
  for (const { id, result } of program.messages) {
    if (typeof id === "string") assert.equal(result?.echo, id);
  }
});

Deno.test("3,000 requests over HTTP, answered in random order as JSON or as events: each exactly once", async () => {
  const COUNT = 3000;
  const next = random(SEED);
  await using server = await startRawServer({
    on: {
      "tools/call": async (request, reply) => {
        const { id } = request.message.params.arguments;
        const asEvents = next() < 0.5;
        await new Promise((resolve) => setTimeout(resolve, next() * 20));
        if (!asEvents) return await reply.result({ echo: id }, next() < 0.2 ? { split: 7 } : {});
        const stream = await reply.sse();
        if (next() < 0.3) await stream.notify("notifications/message", { level: "info", data: id });
        await stream.result({ echo: id });
        await stream.end();
      },
    },
  });
  await using program = startProgram(["proxy", server.url]);
  await program.initialize();
  await program.send(Array.from({ length: COUNT }, (_, n) => call(`c${n}`)).join(""));
  await finish(program);
  const counts = answerCounts(program);
  assert.equal(counts.size, COUNT + 1);
  for (const { id, result } of program.messages) {
    if (typeof id === "string") assert.equal(result?.echo, id);
  }
  assert.ok([...counts.values()].every((count) => count === 1));
});

for (const wire of ["TCP", "SSE"] as const) {
  Deno.test(`5,000 requests over ${wire}, answered in random order, some twice, some late, some cancelled: never twice`, async () => {
    const COUNT = 5000;
    const next = random(SEED + wire.length);
    const held: { message: WireMessage; answer: (result: unknown) => Promise<void> }[] = [];
    const server = wire === "TCP" ? await startRawLineServer() : await startRawSseServer();
    const url = "endpoint" in server ? server.endpoint : server.url;
    let pumping: Promise<void> | undefined;
    /** Answers what is held, in an order of its own. */
    async function pump(): Promise<void> {
      while (held.length > 0) {
        const [{ message, answer }] = held.splice(Math.floor(next() * held.length), 1) as [
          typeof held[number],
        ];
        await answer({ echo: message.params.arguments.id });
        // Once more, and to nobody: neither may reach the client.
        if (next() < 0.1) await answer({ echo: "again" });
        if (held.length < 50) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      pumping = undefined;
    }
    server.on("tools/call", (message, peer) => {
      held.push({ message, answer: (result) => peer.result(message, result).catch(() => {}) });
      pumping ??= pump();
    });
    try {
      await using program = startProgram(["proxy", "--max-in-flight", "300", url]);
      await program.initialize();
      const cancelled = new Set<string>();
      const lines: string[] = [];
      for (let n = 0; n < COUNT; n++) {
        lines.push(call(`c${n}`));
        if (next() < 0.05) {
          const requestId = `c${Math.floor(next() * (n + 1))}`;
          cancelled.add(requestId);
          const notice = { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } };
          lines.push(`${JSON.stringify(notice)}\n`);
        }
      }
      await program.send(lines.join(""));
      await finish(program);
      const counts = answerCounts(program);
      for (let n = 0; n < COUNT; n++) {
        const id = `c${n}`;
        const count = counts.get(id) ?? 0;
        // A cancellation may come too late to prevent the answer.
        assert.ok(count === 1 || (count === 0 && cancelled.has(id)), `${id} was answered ${count} times`);
      }
      for (const { id, result } of program.messages) {
        if (typeof id === "string") assert.equal(result?.echo, id);
      }
      await pumping;
    } finally {
      await server.close();
    }
  });
}

Deno.test("a slow client slows the program down instead of filling it up", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const COUNT = 4000;
  const text = "x".repeat(64 * 1024);
  await using server = await startRawLineServer({
    on: { "tools/call": (message, peer) => peer.result(message, { text }) },
  });
  await using program = startProgram(["proxy", server.endpoint]);
  await program.initialize();
  program.pauseStdout();
  const sent = program.send(Array.from({ length: COUNT }, (_, n) => call(`c${n}`)).join(""));
  sent.catch(() => {});
  // What the server was asked for stops growing long before all is asked.
  let before = -1;
  while (server.received.length !== before) {
    before = server.received.length;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const peak = Number(/VmHWM:\s+(\d+) kB/.exec(await Deno.readTextFile(`/proc/${program.pid}/status`))?.[1]);
  assert.ok(peak < 200 * 1024, `peak of ${peak} kB`);
  program.resumeStdout();
  await sent;
  await finish(program);
  assert.equal(answerCounts(program).size, COUNT + 1);
});
