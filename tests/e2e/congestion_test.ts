/** A server that takes or answers nothing: the client's end, its cancellations and its answers are seen all the same. */
import assert from "node:assert/strict";
import { isWindows } from "../link/child/processes.ts";
import { within } from "../support/inbox.ts";
import type { Program } from "../support/program.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";
import { ended } from "./process_wires.ts";
import { initializeLine, proxied, startProxy } from "./proxied.ts";

/** 128 in flight, 896 that wait for those, and some that are held. */
const MANY = 1100;

/** Closes the program's stdin and waits for its end, which must come within so many milliseconds. */
async function endsWithin(program: Program, ms: number): Promise<void> {
  // A program that has stopped reading keeps the close waiting.
  program.closeStdin().catch(() => {});
  const { code } = await within(ended(program), ms, "the program's end");
  assert.equal(code, 0);
}

/** More than pipes and sockets hold. */
const NOTES = `{"jsonrpc":"2.0","method":"x/${"x".repeat(4096)}"}\n`.repeat(1400);
const ENDING = ["--timeout", "20", "--drain-timeout", "1"];

Deno.test(
  "the end of stdin is seen behind notifications that a command never reads",
  { ignore: isWindows },
  async () => {
    await using program = startProxy(["sleep", "1000"], { args: ENDING });
    program.send(`${initializeLine()}\n${NOTES}`).catch(() => {});
    await endsWithin(program, 8000);
    assert.equal(program.messages[0]?.error?.data.code, "SHUTTING_DOWN");
  },
);

Deno.test("the end of stdin is seen behind notifications that a TCP server never reads", async () => {
  await using server = await startRawLineServer();
  server.pause();
  await using program = startProxy(server.endpoint, { args: ENDING });
  program.send(`${initializeLine()}\n${NOTES}`).catch(() => {});
  await endsWithin(program, 6000);
  assert.equal(program.messages[0]?.error?.data.code, "SHUTTING_DOWN");
});

Deno.test("the end of stdin is seen behind more requests than may be unanswered, and all are answered", async () => {
  await using server = await startRawServer({ on: { "x/hang": (_request, reply) => reply.hang() } });
  await using program = await proxied(server.url, {
    args: ["--request-timeout", "20", "--drain-timeout", "1"],
  });
  const ids = Array.from({ length: 2 * MANY }, (_, i) => `h${i}`);
  program.send(ids.map((id) => `{"jsonrpc":"2.0","id":"${id}","method":"x/hang"}\n`).join("")).catch(
    () => {},
  );
  await endsWithin(program, 8000);
  const codes = new Map(program.messages.map(({ id, error }) => [id, error?.data.code]));
  assert.deepEqual(ids.filter((id) => codes.get(id) !== "SHUTTING_DOWN"), []);
});

Deno.test("cancellations are seen behind more requests than may be unanswered", async () => {
  await using server = await startRawServer({ on: { "x/hang": (_request, reply) => reply.hang() } });
  await using program = await proxied(server.url);
  const lines = Array.from({ length: MANY }, (_, i) => `{"jsonrpc":"2.0","id":"h${i}","method":"x/hang"}\n`);
  for (let i = 0; i < MANY; i++) {
    lines.push(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"h${i}"}}\n`);
  }
  program.send(lines.join("")).catch(() => {});
  assert.deepEqual((await program.request("ping")).result, {});
  assert.equal(program.messages.filter(({ id }) => `${id}`.startsWith("h")).length, 0);
});
