import assert from "node:assert/strict";
import { checkSubject } from "./check.ts";
import { headerOf } from "./http_listener.ts";
import { parentOf, statusFieldKiB } from "./memory.ts";
import { parseOptions } from "./options.ts";
import { emptySamples, record } from "./samples.ts";
import { startServer } from "./server_process.ts";
import { median, quantile } from "./statistics.ts";
import { makeSubjects, OUR_PROGRAM } from "./subjects.ts";
import { judge } from "./targets.ts";

Deno.test("median and quantile take the middle and the nearest rank", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.equal(quantile(hundred, 0.5), 50);
  assert.equal(quantile(hundred, 0.99), 99);
});

Deno.test("the parent is found behind a program name with blanks and parentheses", () => {
  assert.equal(parentOf("12 (a) b (c) S 7 12 12 0 -1"), 7);
  assert.equal(statusFieldKiB("VmHWM:\t   90 kB\nVmRSS:\t   42 kB\n", "VmRSS"), 42);
  assert.equal(statusFieldKiB("State:\tZ\n", "VmRSS"), 0);
});

Deno.test("a header is found by its whole name", () => {
  assert.equal(headerOf("post / http/1.1\r\nx-accept: no\r\naccept: yes", "accept"), "yes");
  assert.equal(headerOf("post / http/1.1\r\nx-accept: no", "accept"), undefined);
});

Deno.test("options are read, and an unknown one is refused by name", () => {
  const options = parseOptions(["--quick", "--only", "ours,direct", "--rounds=2"]);
  assert.deepEqual([...options.only ?? []], ["ours", "direct"]);
  assert.equal(options.amounts.rounds, 2);
  assert.throws(() => parseOptions(["--fast"]), /--fast/);
  assert.throws(() => parseOptions(["--only"]), /--only needs a value/);
});

Deno.test("targets are judged against the better rival, and not at all without a figure", () => {
  const samples = emptySamples();
  record(samples, "rate", "ours", 4000);
  record(samples, "rate", "slow", 500);
  record(samples, "rate", "quick", 1001);
  record(samples, "start", "ours", 50);
  record(samples, "start", "slow", 800);
  record(samples, "start", "quick", 400);
  const passed = new Map(
    judge(samples, ["slow", "quick"], "ours").map((verdict) => [verdict.title, verdict.passed]),
  );
  assert.equal(passed.get("calls/s, 64 in flight"), false);
  assert.equal(passed.get("first answer"), true);
  assert.equal(passed.get("1 MiB result"), undefined);
});

Deno.test("the direct client, the pipe floor and the driver agree with the server on every answer", async () => {
  const only = new Set(["direct", "pipe"]);
  const subjects = await makeSubjects({ only, program: OUR_PROGRAM, verbose: true });
  const server = await startServer();
  try {
    for (const subject of subjects) {
      await checkSubject(subject, server.urls.plain);
      await checkSubject(subject, server.urls.json);
    }
  } finally {
    await server.close();
  }
});
