/** SIGTERM, SIGINT, SIGHUP and SIGKILL: in every phase, over every wire, nothing is left behind. */
import assert from "node:assert/strict";
import { gone, isAlive, isWindows } from "../link/child/processes.ts";
import { type Program, startProgram } from "../support/program.ts";
import { within } from "../support/inbox.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";
import { startRawSseServer } from "../support/raw_sse_server.ts";
import { INITIALIZED_LINE, initializeLine } from "./proxied.ts";
import {
  ended,
  LEFT_MS,
  overEachWire,
  type Phase,
  shellPids,
  shellServer,
  type StuckServer,
} from "./process_wires.ts";

const unix = { ignore: isWindows };

/** Hosts kill what has not ended some seconds after they asked; a slow machine gets more, in ms. */
const END_MS = 10_000;

/** Brings the program into the phase; the id is that of the request that stays unanswered. */
async function enter(program: Program, server: StuckServer, phase: Phase): Promise<number | undefined> {
  const capabilities = { elicitation: {} };
  const params = { protocolVersion: "2025-11-25", capabilities, clientInfo: { name: "t", version: "1" } };
  if (phase === "initialize") {
    program.request("initialize", params).catch(() => {});
    await server.stuck(program);
    return 1;
  }
  await program.initialize({ capabilities });
  if (phase === "idle") return void await server.stuck(program);
  program.request("tools/call", { name: "slow", arguments: {} }).catch(() => {});
  await server.stuck(program);
  return 2;
}

/** Waits for the end, which must come soon and be a success. */
async function endsWell(program: Program, since: number): Promise<void> {
  const status = await ended(program);
  const ms = performance.now() - since;
  assert.deepEqual(status, { code: 0, signal: null });
  assert.ok(ms < END_MS, `ended after ${Math.round(ms)} ms`);
}

const PHASES: readonly [phase: Phase, when: string][] = [
  ["initialize", "before initialize is answered"],
  ["idle", "while nothing is going on"],
  ["call", "during a call"],
  ["question", "while the server waits for the client"],
];

const CASES: readonly [Deno.Signal, Phase[]][] = [
  ["SIGTERM", ["initialize", "idle", "call", "question"]],
  ["SIGINT", ["initialize", "call"]],
  ["SIGHUP", ["idle", "question"]],
];

for (const [signal, phases] of CASES) {
  for (const [phase, when] of PHASES.filter(([phase]) => phases.includes(phase))) {
    Deno.test(
      `${signal} ${when}: the open request is answered, all is let go of, exit code 0`,
      unix,
      () =>
        overEachWire(phase, async (server) => {
          await using program = startProgram(["proxy", ...server.endpoint]);
          const id = await enter(program, server, phase);
          const since = performance.now();
          program.kill(signal);
          await endsWell(program, since);
          await server.left(LEFT_MS);
          const answers = program.messages.filter((message) =>
            message.id === id && message.error !== undefined
          );
          assert.deepEqual(
            answers.map(({ error }) => error?.data.code),
            id === undefined ? [] : ["SHUTTING_DOWN"],
          );
          // The server's question is answered too.
          const answer = await server.answered?.();
          assert.ok(answer === undefined || answer.error !== undefined);
        }),
    );
  }
}

Deno.test(
  "SIGTERM during a call: the server is told that nobody waits for it any more",
  unix,
  () =>
    overEachWire("call", async (server) => {
      await using program = startProgram(["proxy", ...server.endpoint]);
      await enter(program, server, "call");
      program.kill("SIGTERM");
      await program.status;
      await server.cancelled(program, LEFT_MS);
    }),
);

Deno.test("SIGTERM while the client does not read stdout ends the program all the same", unix, async () => {
  await using server = await startRawServer();
  const written = Promise.withResolvers<void>();
  server.on("tools/call", async (_request, reply) => {
    await reply.result({ content: [{ type: "text", text: "x".repeat(4 << 20) }] });
    written.resolve();
  });
  const program = startProgram(["proxy", server.url]);
  try {
    await program.initialize();
    program.pauseStdout();
    program.request("tools/call", { name: "big" }).catch(() => {});
    await written.promise;
    const since = performance.now();
    program.kill("SIGTERM");
    assert.equal((await program.status).code, 0);
    assert.ok(performance.now() - since < END_MS);
    await server.received(({ method }) => method === "DELETE");
  } finally {
    // What the client did not read ends in the middle of a line.
    await Promise.resolve(program[Symbol.asyncDispose]()).catch(() => {});
  }
});

Deno.test(
  "a second signal ends the program at once, with exit code 130, and its children too",
  unix,
  async () => {
    await using program = startProgram(["proxy", ...shellServer("call", true)]);
    await program.initialize();
    const pids = await shellPids(program);
    program.request("tools/call", {}).catch(() => {});
    await program.waitStderr(/got tools\/call/);
    program.kill("SIGTERM");
    await program.waitStderr(/ending/);
    program.kill("SIGINT");
    assert.equal((await program.status).code, 130);
    for (const pid of pids) await gone(pid, LEFT_MS);
  },
);

Deno.test(
  "a child that ignores the end of stdin and SIGTERM is killed, with all it started",
  unix,
  async () => {
    await using program = startProgram(["proxy", ...shellServer("idle", true)]);
    await program.initialize();
    const pids = await shellPids(program);
    assert.deepEqual(pids.map(isAlive), [true, true]);
    const since = performance.now();
    program.kill("SIGTERM");
    await endsWell(program, since);
    for (const pid of pids) await gone(pid, 0);
  },
);

Deno.test("SIGKILL of the program takes its children and theirs with it", unix, async () => {
  for (const stubborn of [false, true]) {
    await using program = startProgram(["proxy", ...shellServer("call", stubborn)]);
    await program.initialize();
    const pids = await shellPids(program);
    program.request("tools/call", {}).catch(() => {});
    await program.waitStderr(/got tools\/call/);
    program.kill("SIGKILL");
    assert.equal((await program.status).signal, "SIGKILL");
    for (const pid of pids) await gone(pid, LEFT_MS);
  }
});

for (const [over, start] of [["TCP", startRawLineServer], ["SSE", startRawSseServer]] as const) {
  Deno.test(
    `SIGTERM ends a program whose client does not read while the server floods it, over ${over}`,
    unix,
    async () => {
      await using server = await start({});
      const ready = Promise.withResolvers<void>();
      server.on("notifications/initialized", () => ready.resolve());
      const endpoint = "endpoint" in server ? server.endpoint : server.url;
      // The last line that it can write is half a message.
      await using program = startProgram(["proxy", endpoint], { protocol: false });
      await program.send(`${initializeLine()}\n${INITIALIZED_LINE}`);
      await ready.promise;
      const peer = await server.peer();
      program.pauseStdout();
      const stalled = Promise.withResolvers<void>();
      const flooding = (async () => {
        for (;;) {
          const timer = setTimeout(stalled.resolve, 500);
          await peer.notify("x/flood", { filling: "x".repeat(64 * 1024) }).finally(() => clearTimeout(timer));
        }
      })().catch(() => {});
      await stalled.promise;
      program.kill("SIGTERM");
      // The last answers are offered to the client for two seconds.
      assert.equal((await within(program.status, 5000, "the program's end")).code, 0);
      await flooding;
    },
  );
}
