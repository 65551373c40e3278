import assert from "node:assert/strict";
import { LinkError } from "../../../src/link/link_error.ts";
import { openChild } from "../../../src/link/child/open_child.ts";
import { gone, isAlive, isWindows, open, openShell, pidsIn, quietLogger, readUntil } from "./processes.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const unix = { ignore: isWindows };

async function timed(task: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await task;
  return performance.now() - start;
}

Deno.test("a child's stdout is read and its stdin written, in both directions at once", unix, async () => {
  const link = await open({ command: "cat" });
  assert.equal(link.name, "cat");
  const sent = new Uint8Array(3_000_000).map((_, i) => i * 7);
  const writing = link.write(sent);
  let received = 0;
  while (received < sent.length) {
    const chunk = await link.read();
    assert.ok(chunk !== null);
    for (const byte of chunk) {
      if (byte !== sent[received++]) throw new Error(`another byte at ${received}`);
    }
  }
  await writing;
  assert.equal(link.ending?.(), undefined);
  await link.close();
});

Deno.test("a write waits until the child reads", unix, async () => {
  const link = await openShell("read -r go; echo went; cat >/dev/null");
  let written = false;
  await link.write(bytes("go"));
  const writing = link.write(new Uint8Array(4_000_000)).then(() => written = true);
  // More than a pipe holds, and nobody reads: the line is not ended.
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.equal(written, false);
  await link.close();
  await writing.catch(() => {});

  const reader = await openShell("head -c 4000000 >/dev/null; echo done");
  await reader.write(new Uint8Array(4_000_000));
  assert.equal(await readUntil(reader, "done\n"), "done\n");
  await reader.close();
});

Deno.test("arguments reach the command as they are", unix, async () => {
  const args = ["a b", "", "$HOME", "*", "'\"", "ü\n", "-n"];
  const link = await open({
    command: Deno.execPath(),
    args: ["eval", "Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(Deno.args)))", ...args],
  });
  assert.deepEqual(JSON.parse(await readUntil(link, "nothing such")), args);
  await link.close();
});

Deno.test(
  "variables and directory of the options reach the command, beside our own variables",
  unix,
  async () => {
    const cwd = await Deno.realPath(await Deno.makeTempDir());
    const link = await openShell('echo "$GREETING|$(pwd)|${PATH:+path}"', {
      cwd,
      env: { GREETING: "hi there" },
    });
    assert.equal(await readUntil(link, "\n"), `hi there|${cwd}|path\n`);
    await link.close();
    await Deno.remove(cwd);
  },
);

Deno.test("a relative command starts from the directory of the options", unix, async () => {
  const cwd = await Deno.makeTempDir();
  await Deno.writeTextFile(`${cwd}/server`, "#!/bin/sh\necho here\n", { mode: 0o755 });
  const link = await open({ command: "./server", cwd });
  assert.equal(await readUntil(link, "\n"), "here\n");
  await link.close();
  await Deno.remove(cwd, { recursive: true });
});

Deno.test(
  "read gives null at the end, and ending tells code and the telling line of stderr",
  unix,
  async () => {
    const link = await openShell(
      "echo out; echo starting >&2; printf 'Error: no such database\\n    at x (y:1)\\n}\\n\\nNode.js v22.1.0\\n' >&2; exit 3",
    );
    assert.equal(await readUntil(link, "never"), "out\n");
    assert.equal(link.ending?.(), "exited with code 3: Error: no such database");
    assert.equal(await link.read(), null);
    await link.close();
  },
);

Deno.test("ending names the signal", unix, async () => {
  const link = await openShell("kill -s SEGV $$");
  assert.equal(await link.read(), null);
  assert.equal(link.ending?.(), "killed by SIGSEGV");
  await link.close();
});

Deno.test("a write to a dead child rejects with CLOSED and says how it ended", unix, async () => {
  const link = await openShell("echo 'bad config' >&2; exit 7");
  assert.equal(await link.read(), null);
  await assert.rejects(link.write(bytes("x")), (error) => {
    assert.ok(error instanceof LinkError);
    assert.equal(error.code, "CLOSED");
    assert.match(error.message, /^sh -c .* exited with code 7: bad config$/);
    return true;
  });
  await link.close();
});

Deno.test("a write under way when the child dies rejects with CLOSED", unix, async () => {
  const link = await openShell("read -r line; exit 0");
  await assert.rejects(
    (async () => {
      await link.write(bytes("go\n"));
      for (;;) await link.write(new Uint8Array(1_000_000));
    })(),
    { code: "CLOSED" },
  );
  await link.close();
});

Deno.test(
  "stderr is logged line by line at level info: named, redacted, neutralised, cut",
  unix,
  async () => {
    const lines: string[] = [];
    const logger = quietLogger(lines);
    logger.secret("s3cr3t-value");
    const link = await openShell(
      "printf 'one\\n\\ntoken=s3cr3t-value \\033[31mred\\r\\nlast without end' >&2; " +
        "printf '\\n' >&2; head -c 100000 /dev/zero | tr '\\0' x >&2; echo >&2; echo after >&2",
      { logger },
    );
    assert.equal(await link.read(), null);
    await link.close();
    const info = lines.filter((line) => line.startsWith("INFO"));
    assert.deepEqual(info.map((line) => line.slice(6, 50).trimEnd()), [
      "sh: one",
      "sh: token=[redacted] \\x1b[31mred",
      "sh: last without end",
      `sh: ${"x".repeat(40)}`,
      "sh: after",
    ]);
    assert.equal(info[3]!.trimEnd().length, "INFO  sh: ".length + 4096 + 1);
  },
);

Deno.test("a secret among the arguments is in no name, log or error", unix, async () => {
  const lines: string[] = [];
  const logger = quietLogger(lines);
  logger.secret("s3cr3t-value");
  const link = await open({
    command: "sh",
    args: ["-c", "echo failed with s3cr3t-value >&2; exit 1", "sh", "s3cr3t-value", "--api-key=other-value"],
    logger,
  });
  await link.read();
  const error = await link.write(bytes("x")).then(() => "", String);
  await link.close();
  for (const text of [link.name, link.ending?.() ?? "", error, ...lines]) {
    assert.doesNotMatch(text, /s3cr3t-value|other-value/);
  }
  assert.equal(link.ending?.(), "exited with code 1: failed with [redacted]");
});

const NOWHERE: readonly [name: string, options: Parameters<typeof open>[0], code: string, message: RegExp][] =
  [
    [
      "a command that is not in PATH",
      { command: "no-such-command-x" },
      "NOT_FOUND",
      /^command not found: no-such-command-x$/,
    ],
    [
      "a path without a file",
      { command: "/nowhere/server" },
      "NOT_FOUND",
      /^no such command: \/nowhere\/server$/,
    ],
    [
      "a missing directory",
      { command: "sh", cwd: "/nowhere" },
      "NOT_FOUND",
      /^no such directory to start "sh" in: \/nowhere$/,
    ],
    [
      "a directory that is a file",
      { command: "sh", cwd: "/etc/passwd" },
      "NOT_FOUND",
      /no such directory .*passwd$/,
    ],
    ["a file that is not executable", { command: "/etc/passwd" }, "NOT_EXECUTABLE", /not executable$/],
    ["a directory as command", { command: "/tmp" }, "NOT_EXECUTABLE", /is a directory/],
    ["a NUL byte in an argument", { command: "sh", args: ["\0"] }, "INVALID", /nul byte/],
    ["too long an argument", { command: "sh", args: ["x".repeat(4_000_000)] }, "INVALID", /too long/],
  ];

for (const [name, options, code, message] of NOWHERE) {
  Deno.test(`opening fails with ${code}: ${name}`, unix, async () => {
    await assert.rejects(open(options), (error) => {
      assert.ok(error instanceof LinkError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    });
  });
}

Deno.test("opening fails with NOT_EXECUTABLE: a script whose interpreter does not exist", unix, async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "#!/nowhere/python9\n");
  await Deno.chmod(path, 0o755);
  await assert.rejects(open({ command: path }), { code: "NOT_EXECUTABLE", message: /interpreter/ });
  await Deno.remove(path);
});

Deno.test("nothing is started when the signal is aborted already", unix, async () => {
  const path = await Deno.makeTempFile();
  const reason = new Error("no more");
  const opening = openChild({ command: "rm", args: [path], env: {}, logger: quietLogger() });
  await assert.rejects(opening(AbortSignal.abort(reason)), reason);
  await Deno.remove(path);
});

Deno.test("close ends a child that ends with its stdin, without a signal and at once", unix, async () => {
  const link = await openShell("trap 'echo signalled >&2' TERM; cat; exit 5");
  const took = await timed(link.close());
  assert.equal(link.ending?.(), "exited with code 5");
  assert.ok(took < 1000, `${took} ms`);
});

Deno.test("a child may still write while it ends politely", unix, async () => {
  const link = await openShell("cat >/dev/null; head -c 1000000 /dev/zero; exit 6");
  await link.close();
  assert.equal(link.ending?.(), "exited with code 6");
});

Deno.test("close sends SIGTERM to a child that stays after the end of its stdin", unix, async () => {
  const link = await openShell(
    "trap 'echo terminated >&2; exit 9' TERM; echo up; while :; do sleep 0.05; done",
  );
  await readUntil(link, "up");
  const took = await timed(link.close());
  assert.equal(link.ending?.(), "exited with code 9: terminated");
  assert.ok(took > 1900 && took < 3500, `${took} ms`);
});

Deno.test(
  "close kills a child that ignores everything, and its grandchild, in bounded time",
  unix,
  async () => {
    const link = await openShell("trap '' TERM; sleep 1000 & echo pids $$ $!; while :; do sleep 1; done");
    const pids = pidsIn(await readUntil(link, "\n"));
    assert.equal(pids.length, 2);
    assert.deepEqual(pids.map(isAlive), [true, true]);
    const took = await timed(link.close());
    assert.equal(link.ending?.(), "killed by SIGKILL");
    for (const pid of pids) await gone(pid, 500);
    assert.ok(took > 3800 && took < 6000, `${took} ms`);
  },
);

Deno.test("close ends what a child left behind that ended by itself", unix, async () => {
  const link = await openShell("(trap '' HUP; exec sleep 1000 <&- >&- 2>&-) & echo pids $!; exit 0");
  const [pid] = pidsIn(await readUntil(link, "\n"));
  assert.equal(await link.read(), null);
  assert.equal(link.ending?.(), "exited with code 0");
  assert.ok(isAlive(pid!));
  const took = await timed(link.close());
  await gone(pid!, 500);
  assert.ok(took < 2000, `${took} ms`);
});

Deno.test("a grandchild that serves on after its parent has ended keeps the link", unix, async () => {
  const link = await openShell("(exec 3<&0; cat <&3 &) <&0; exit 0");
  await new Promise((resolve) => setTimeout(resolve, 800));
  await link.write(bytes("still here\n"));
  assert.equal(await readUntil(link, "\n"), "still here\n");
  await link.close();
});

Deno.test("stdout held open by a process that left the group does not keep a dead child's link", {
  ignore: isWindows || Deno.build.os === "darwin", // has no setsid(1)
}, async () => {
  const link = await openShell("setsid sleep 1000 & echo pids $!; sleep 0.3; exit 4");
  const [pid] = pidsIn(await readUntil(link, "\n"));
  const took = await timed((async () => assert.equal(await link.read(), null))());
  assert.equal(link.ending?.(), "exited with code 4");
  assert.ok(took < 3000, `${took} ms`);
  await link.close();
  Deno.kill(pid!, "SIGKILL");
});

Deno.test("close is idempotent and ends pending reads and writes", unix, async () => {
  const link = await openShell("exec sleep 1000");
  const read = link.read();
  const write = link.write(new Uint8Array(1_000_000));
  const failed = assert.rejects(write, { code: "CLOSED" });
  const first = link.close();
  assert.equal(link.close(), first);
  await first;
  await failed;
  assert.equal(await read, null);
  assert.equal(await link.read(), null);
  await assert.rejects(link.write(bytes("x")), { code: "CLOSED" });
  await link.close();
});

Deno.test("a link nobody reads from is closed without a leak", unix, async () => {
  const link = await openShell("yes");
  await link.close();
  assert.match(link.ending?.() ?? "", /^killed by SIG|exited/);
});
