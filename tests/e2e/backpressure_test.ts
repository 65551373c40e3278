/** A slow reader slows the writer down, and memory does not grow with what waits. */
import assert from "node:assert/strict";
import type { Program } from "../support/program.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";
import { proxied } from "./proxied.ts";
import { scriptedChild } from "./scripted_child.ts";

/** 64 KiB. */
const FILLING = "x".repeat(64 * 1024);
/** Together 128 MiB: more than all buffers on the way hold. */
const COUNT = 2048;
/** What the buffers on the way, the kernel's among them, may hold at most. */
const STALLED = COUNT / 2;
/** How much a program that holds no more than its buffers may grow, in bytes. */
const GROWTH = 64 * 1024 * 1024;

/** Waits until the number has not changed for a while, and gives it. */
async function settled(read: () => number): Promise<number> {
  for (let last = -1, quiet = 0;;) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const now = read();
    quiet = now === last ? quiet + 1 : 0;
    last = now;
    if (quiet === 15) return now;
  }
}

/** The resident memory of a process, in bytes; 0 where it can't be had. */
function memoryOf({ pid }: Program): number {
  if (Deno.build.os !== "linux") return 0;
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

/** Sends `COUNT` numbered notifications, and counts those that have gone. */
function flood(
  send: (method: string, params: unknown) => Promise<void>,
): { sent: number; done: Promise<void> } {
  const state = { sent: 0, done: Promise.resolve() };
  state.done = (async () => {
    for (let n = 0; n < COUNT; n++) {
      await send("x/flood", { n, filling: FILLING });
      state.sent++;
    }
  })();
  // Who gives up early tells more.
  state.done.catch(() => {});
  return state;
}

/** The client stops reading: the server's writes stop too, and nothing is lost once it reads on. */
async function clientStopsReading(
  program: Program,
  start: () => { readonly sent: number; done: Promise<void> },
): Promise<void> {
  const before = memoryOf(program);
  program.pauseStdout();
  const flooding = start();
  const sent = await settled(() => flooding.sent);
  assert.ok(sent < STALLED, `${sent} of ${COUNT} messages were taken for a client that does not read`);
  const grown = memoryOf(program) - before;
  assert.ok(grown < GROWTH, `memory grew by ${grown} bytes`);
  program.resumeStdout();
  await flooding.done;
  for (let n = 0; n < COUNT; n++) {
    assert.equal((await program.nextMethod("x/flood", 60_000)).params.n, n);
  }
}

Deno.test("A TCP server is slowed down by a client that does not read", async () => {
  await using server = await startRawLineServer();
  await using program = await proxied(server.endpoint);
  const peer = await server.peer();
  await clientStopsReading(program, () => flood(peer.notify));
});

Deno.test("The server's stream over HTTP is slowed down by a client that does not read", async () => {
  await using server = await startRawServer({ get: "open" });
  await using program = await proxied(server.url);
  const stream = await server.stream();
  await clientStopsReading(program, () => flood(stream.notify));
});

Deno.test("A call's stream over HTTP is slowed down by a client that does not read", async () => {
  await using server = await startRawServer();
  const opened = Promise.withResolvers<Parameters<typeof flood>[0]>();
  const over = Promise.withResolvers<void>();
  server.on("tools/call", async (_request, reply) => {
    const stream = await reply.sse();
    opened.resolve(stream.notify);
    await over.promise;
    await stream.result({});
    await stream.end();
  });
  await using program = await proxied(server.url);
  const call = program.request("tools/call", { name: "x" }, 120_000);
  const notify = await opened.promise;
  await clientStopsReading(program, () => flood(notify));
  over.resolve();
  assert.deepEqual((await call).result, {});
});

Deno.test("A child process is slowed down by a client that does not read", async () => {
  await using child = scriptedChild({
    "x/go": `
      const filling = "x".repeat(64 * 1024);
      for (let n = 0; n < ${COUNT}; n++) {
        say(JSON.stringify({ jsonrpc: "2.0", method: "x/flood", params: { n, filling } }));
        await note("said");
      }
      await note("all said");
    `,
  });
  await using program = await proxied(child.command);
  await clientStopsReading(program, () => ({
    get sent() {
      return child.lines.filter((line) => line === "said").length;
    },
    done: program.notify("x/go").then(() => child.received("all said", 60_000)).then(() => {}),
  }));
});

Deno.test("A client that asks on and on without reading the answers is no longer read", async () => {
  const count = 4096;
  await using server = await startRawServer();
  server.on("tools/call", (_request, reply) => reply.result({ filling: FILLING.slice(0, 16 * 1024) }));
  await using program = await proxied(server.url);
  program.pauseStdout();
  const calls = Array.from(
    { length: count },
    (_, i) => `{"jsonrpc":"2.0","id":"c${i}","method":"tools/call"}\n`,
  );
  const asked = program.send(calls.join(""));
  const called = await settled(() => server.requests.length);
  assert.ok(called < count / 2, `${called} of ${count} calls were made for a client that does not read`);
  program.resumeStdout();
  await asked;
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
  const answered = new Set(
    program.messages.flatMap(({ id, result }) => result?.filling === undefined ? [] : [id]),
  );
  assert.equal(answered.size, count);
});

/** The server stops reading: the client's writes stop too, and nothing is lost once it reads on. */
async function serverStopsReading(
  program: Program,
  send: (method: string, params: unknown) => Promise<void>,
  resume: () => void,
): Promise<void> {
  const before = memoryOf(program);
  const flooding = flood(send);
  const sent = await settled(() => flooding.sent);
  assert.ok(sent < STALLED, `${sent} of ${COUNT} messages were taken for a server that does not read`);
  const grown = memoryOf(program) - before;
  assert.ok(grown < GROWTH, `memory grew by ${grown} bytes`);
  resume();
  await flooding.done;
}

Deno.test("A client is slowed down by a TCP server that does not read its notifications", async () => {
  await using server = await startRawLineServer();
  await using program = await proxied(server.endpoint);
  await server.message(({ method }) => method === "notifications/initialized");
  server.pause();
  await serverStopsReading(program, program.notify, server.resume);
  const last = await server.message(({ params }) => params?.n === COUNT - 1, 60_000);
  assert.equal(last.method, "x/flood");
  const numbers = server.received.flatMap(({ messages }) => messages[0]?.params?.n ?? []);
  assert.deepEqual(numbers, Array.from({ length: COUNT }, (_, n) => n));
});

Deno.test("A client is slowed down by an HTTP server that is slow to take its notifications", async () => {
  await using server = await startRawServer();
  const go = Promise.withResolvers<void>();
  server.on("x/flood", async () => {
    await go.promise;
    return "default";
  });
  await using program = await proxied(server.url);
  await serverStopsReading(program, program.notify, go.resolve);
  await server.receivedMany(COUNT, ({ message }) => message.method === "x/flood", 60_000);
  assert.ok(server.accepted() < 300, `${server.accepted()} connections were opened`);
});

Deno.test("A client is slowed down by a server that does not answer, long before memory is full", async () => {
  await using server = await startRawLineServer();
  await using program = await proxied(server.endpoint);
  await server.message(({ method }) => method === "notifications/initialized");
  server.pause();
  const asked: Promise<unknown>[] = [];
  const ask = async (method: string, params: unknown) => {
    const id = `q${asked.length}`;
    const answer = program.response(id, 120_000);
    answer.catch(() => {});
    asked.push(answer);
    await program.send({ jsonrpc: "2.0", id, method, params });
  };
  server.on("x/flood", (message, peer) => peer.result(message, {}));
  const flooding = flood(ask);
  const sent = await settled(() => flooding.sent);
  assert.ok(sent < COUNT * 3 / 4, `${sent} of ${COUNT} requests were taken`);
  server.resume();
  await flooding.done;
  assert.equal((await Promise.all(asked)).length, COUNT);
});
