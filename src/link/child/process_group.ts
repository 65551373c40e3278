/** A child and what it has started, as far as we may see and signal them. */
export interface ProcessGroup {
  /**
   * Whether a member of the group runs; `undefined` where that can't be told. An id of a group whose leader
   * has been waited for is only good as long as some member keeps it taken.
   */
  alive(): boolean | undefined;
  /** Signals every member, or the child alone. Where there is nobody left nothing happens. */
  signal(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
}

/**
 * Where the whole run permission is granted, the group of a child that was started `detached`, which on Unix
 * is setsid(2); on Windows the tree below it. With a scoped `--allow-run` the child alone: `Deno.kill` and
 * `taskkill` need the whole permission.
 */
export function processGroup(child: Deno.ChildProcess): ProcessGroup {
  const killChild = (signal: "SIGTERM" | "SIGKILL") => {
    try {
      child.kill(signal);
    } catch {
      // It has ended.
    }
  };
  if (Deno.permissions.querySync({ name: "run" }).state !== "granted") {
    return {
      alive: () => undefined,
      signal: (signal) => Promise.resolve(killChild(signal)),
    };
  }
  if (Deno.build.os === "windows") {
    return {
      alive: () => undefined,
      async signal() {
        // Windows has no signals; ended politely it is by the end of its stdin only.
        await killWindowsTree(child.pid);
        killChild("SIGKILL");
      },
    };
  }
  return {
    alive() {
      try {
        Deno.kill(-child.pid, 0);
        return true;
      } catch (error) {
        return !(error instanceof Deno.errors.NotFound);
      }
    },
    signal(signal) {
      try {
        Deno.kill(-child.pid, signal);
      } catch {
        // Nobody is left, or no member is ours to signal.
      }
      return Promise.resolve();
    },
  };
}

async function killWindowsTree(pid: number): Promise<void> {
  try {
    await new Deno.Command("taskkill", {
      args: ["/PID", String(pid), "/T", "/F"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
  } catch {
    // The child itself is killed either way.
  }
}
