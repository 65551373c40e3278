import assert from "node:assert/strict";
import { checkSubject } from "./check.ts";
import { installedFolders } from "./disk.ts";
import { headerOf } from "./http_listener.ts";
import { parentOf, statusFieldKiB } from "./memory.ts";
import { initializeText } from "./messages.ts";
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

Deno.test("the start is held against an empty program with one round trip, within 10 ms", () => {
  const judged = (over: number) => {
    const samples = emptySamples();
    record(samples, "startOver", "ours", over);
    record(samples, "start", "empty", 20);
    return judge(samples, [], "ours").find(({ title }) => title === "spawn to the first byte out");
  };
  assert.equal(judged(9)?.passed, true);
  assert.equal(judged(11)?.passed, false);
  assert.equal(judged(11)?.found, "+11 ms, 0.6 times an empty program");
});

Deno.test("a package's size counts what it depends on, wherever npm has put it, and nothing else", () => {
  const lock = {
    packages: {
      "": {},
      "node_modules/a": { dependencies: { b: "^2", "@s/c": "*" }, peerDependencies: { d: "*" } },
      "node_modules/a/node_modules/b": { dependencies: { e: "*" } },
      "node_modules/b": { dependencies: { other: "*" } },
      "node_modules/@s/c": { dependencies: { a: "*", b: "^1" }, optionalDependencies: { missing: "*" } },
      "node_modules/d": {},
      "node_modules/e": {},
      "node_modules/other": {},
      "node_modules/f": {},
    },
  };
  assert.deepEqual(installedFolders(lock, "a"), [
    "node_modules/@s/c",
    "node_modules/a",
    "node_modules/a/node_modules/b",
    "node_modules/b",
    "node_modules/d",
    "node_modules/e",
    "node_modules/other",
  ]);
  assert.deepEqual(installedFolders(lock, "nobody"), []);
});

Deno.test("the least bridge makes one round trip, and the empty program ends without a word", async () => {
  const subjects = await makeSubjects({
    only: new Set(["empty", "least"]),
    program: OUR_PROGRAM,
    verbose: true,
  });
  const server = await startServer();
  try {
    for (const { key, open } of subjects) {
      const session = open(server.urls.plain, 30_000);
      const answer = session.ask(initializeText(1));
      if (key === "empty") await assert.rejects(answer, /closed its stdout/);
      else assert.equal(JSON.parse(await answer).result.serverInfo.name, "bench-server");
      await session.close();
    }
    assert.equal((await server.stats()).requests, 1);
  } finally {
    await server.close();
  }
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
