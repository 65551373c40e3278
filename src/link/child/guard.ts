/** Sees to it that a process group ends when we do. */
export interface Guard {
  /** Lets the guard go without doing anything; settles when it has ended. Idempotent; never rejects. */
  release(): Promise<void>;
}

// Its stdin is a pipe only we hold: the system closes it when we end in whatever way, SIGKILL included. Then
// it is the end of file and not the word of release that ends `read`.
const SCRIPT = `
trap '' HUP INT QUIT TERM
read -r word
[ "$word" = release ] && exit 0
kill -s TERM -- "-$1" || exit 0
for second in 1 2; do
  sleep 1
  kill -s 0 -- "-$1" || exit 0
done
kill -s KILL -- "-$1"
`;

/**
 * Starts a shell that outlives us by a moment: should we end without releasing it, it sends SIGTERM to the
 * process group `id`, and two seconds later SIGKILL. Needs `/bin/sh`, and the permission to run it.
 *
 * @returns nothing where the guard can't be had: the child is then ended by us, or by the end of its stdin
 */
export function startGuard(id: number): Guard | undefined {
  if (Deno.build.os === "windows") return undefined;
  if (Deno.permissions.querySync({ name: "run" }).state !== "granted") return undefined;
  let shell: Deno.ChildProcess;
  try {
    shell = new Deno.Command("/bin/sh", {
      args: ["-c", SCRIPT, "mcp-connect-guard", String(id)],
      cwd: "/",
      clearEnv: true,
      env: { PATH: "/usr/bin:/bin" },
      stdin: "piped",
      stdout: "null",
      stderr: "null",
      detached: true,
    }).spawn();
  } catch {
    return undefined;
  }
  shell.unref();
  let released: Promise<void> | undefined;
  return {
    release: () => released ??= release(shell),
  };
}

async function release(shell: Deno.ChildProcess): Promise<void> {
  shell.ref();
  const writer = shell.stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode("release\n"));
    await writer.close();
  } catch {
    // Somebody has ended it.
  }
  await shell.status;
}
