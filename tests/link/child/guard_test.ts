import assert from "node:assert/strict";
import { startGuard } from "../../../src/link/child/guard.ts";
import { gone, isAlive, isWindows, pidsIn } from "./processes.ts";

const unix = { ignore: isWindows };
const HOLDER = new URL("holder.ts", import.meta.url).pathname;

// Ignores the end of its stdin and SIGTERM; so does its child.
const STUBBORN = "trap '' TERM HUP; sleep 1000 & echo pids $$ $!; while :; do sleep 1; done";
// Has a grandchild that only a signal to the group reaches.
const POLITE = "sleep 1000 & echo pids $$ $!; wait";

interface Holder {
  process: Deno.ChildProcess;
  stdin: WritableStreamDefaultWriter<Uint8Array>;
  read(): Promise<string>;
  end(): Promise<void>;
}

function hold(permissions: readonly string[], command: readonly string[], cwd = ""): Holder {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", ...permissions, HOLDER, cwd, ...command],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const stdin = process.stdin.getWriter();
  return {
    process,
    stdin,
    async read() {
      let text = "";
      while (!text.includes("\n")) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value;
      }
      return text.trim();
    },
    async end() {
      await stdin.close().catch(() => {});
      await reader.cancel();
      await process.status;
    },
  };
}

const ENDS: readonly [name: string, script: string, end: (holder: Holder) => unknown, ms: number][] = [
  ["SIGKILL of ours", STUBBORN, ({ process }) => process.kill("SIGKILL"), 4000],
  ["SIGKILL of ours, politely", POLITE, ({ process }) => process.kill("SIGKILL"), 1500],
  ["SIGTERM of ours, unhandled", STUBBORN, ({ process }) => process.kill("SIGTERM"), 4000],
  ["Deno.exit without a close", STUBBORN, ({ stdin }) => stdin.write(new TextEncoder().encode("exit")), 4000],
];

for (const [name, script, end, ms] of ENDS) {
  Deno.test(`a child and its grandchild do not outlive ${name}`, unix, async () => {
    const holder = hold(["--allow-run"], ["sh", "-c", script]);
    const pids = pidsIn(await holder.read());
    assert.equal(pids.length, 2);
    assert.deepEqual(pids.map(isAlive), [true, true]);
    try {
      await end(holder);
      for (const pid of pids) await gone(pid, ms);
    } finally {
      pids.filter(isAlive).forEach((pid) => Deno.kill(pid, "SIGKILL"));
      await holder.end();
    }
  });
}

Deno.test("a guard that is released harms nobody and is gone", unix, async () => {
  const bystander = new Deno.Command("sleep", { args: ["1000"], detached: true }).spawn();
  const guard = startGuard(bystander.pid);
  assert.ok(guard !== undefined);
  const first = guard.release();
  assert.equal(guard.release(), first);
  await first;
  assert.ok(isAlive(bystander.pid));
  bystander.kill("SIGKILL");
  await bystander.status;
});

Deno.test("a closed link leaves no process at all", unix, async () => {
  const holder = hold(["--allow-run"], ["sh", "-c", "echo pids $$; cat"]);
  const [pid] = pidsIn(await holder.read());
  const before = guardsOf(pid!);
  await holder.stdin.write(new TextEncoder().encode("close"));
  assert.equal(await holder.read(), "closed: exited with code 0");
  await holder.end();
  await gone(pid!, 0);
  if (Deno.build.os === "linux") assert.equal(before, 1);
  assert.equal(guardsOf(pid!), 0);
});

Deno.test("with a scoped permission the child alone is signalled, and there is no guard", unix, async () => {
  const holder = hold(["--allow-run=sh"], ["sh", "-c", STUBBORN]);
  const [pid, grandchild] = pidsIn(await holder.read());
  assert.equal(guardsOf(pid!), 0);
  await holder.stdin.write(new TextEncoder().encode("close"));
  assert.equal(await holder.read(), "closed: killed by SIGKILL");
  await holder.end();
  await gone(pid!, 0);
  assert.ok(isAlive(grandchild!));
  Deno.kill(grandchild!, "SIGKILL");
});

for (const flags of [[], ["--allow-run=cat"], ["--allow-net", "--allow-read"]]) {
  Deno.test(`a missing permission is named and not asked for, with [${flags}]`, unix, async () => {
    const holder = hold(flags, ["sh", "-c", "echo started"]);
    assert.deepEqual(JSON.parse(await holder.read()), {
      code: "PERMISSION",
      message: "Deno's permission --allow-run=sh is missing",
      hint: "Run with --allow-run=sh; if it was, sh is in no directory of Deno's PATH.",
    });
    await holder.end();
  });
}

Deno.test("the permission for a relative command is the one for the file that will run", unix, async () => {
  const cwd = await Deno.realPath(await Deno.makeTempDir());
  await Deno.writeTextFile(`${cwd}/server`, "#!/bin/sh\necho here\n", { mode: 0o755 });
  for (
    const [flags, expected] of [[[`--allow-run=${cwd}/server`], /^here$/], [
      [],
      /--allow-run=\S+\/server is/,
    ]] as const
  ) {
    const holder = hold(flags, ["./server"], cwd);
    assert.match(await holder.read(), expected);
    await holder.end();
  }
  await Deno.remove(cwd, { recursive: true });
});

Deno.test("a scoped permission and a loader variable: the error names both ways out", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", "--allow-run=sh", HOLDER, "", "sh", "-c", "echo started"],
    env: { LD_LIBRARY_PATH: "/nowhere" },
    stdin: "null",
  }).output();
  const error = JSON.parse(new TextDecoder().decode(stdout));
  assert.equal(error.code, "PERMISSION");
  assert.equal(error.hint, "Run with --allow-run, or unset LD_LIBRARY_PATH.");
});

/** How many guards watch the group of `pid`, by the processes' command lines. */
function guardsOf(pid: number): number {
  if (Deno.build.os !== "linux") return 0;
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const words = Deno.readTextFileSync(`/proc/${name}/cmdline`).split("\0");
      if (words.includes("mcp-connect-guard") && words.includes(String(pid))) count++;
    } catch {
      // It has just ended.
    }
  }
  return count;
}
