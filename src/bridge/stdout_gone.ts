/** What poll(2) says of a descriptor that nobody reads any more: POLLERR, POLLHUP, POLLNVAL; the same on Linux and macOS. */
const GONE = 0x08 | 0x10 | 0x20;

/** The C library, and the type of poll's `nfds_t`. */
const SYSTEMS = {
  linux: { library: "libc.so.6", count: "usize", one: 1n },
  darwin: { library: "/usr/lib/libSystem.B.dylib", count: "u32", one: 1 },
} as const;

/**
 * Makes a function that tells whether the reader of our stdout has gone, without writing to it; `undefined` where that
 * can't be told. Deno has no poll(2) of its own: the system's is called, which takes `--allow-ffi`.
 */
export function stdoutWatch(): (() => Promise<boolean>) | undefined {
  const os = Deno.build.os;
  if (os !== "linux" && os !== "darwin") return undefined;
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
  const { library, count, one } = SYSTEMS[os];
  try {
    const { symbols } = Deno.dlopen(library, {
      // Off this thread it needs no code made for the call, which saves 2 MB.
      poll: { parameters: ["buffer", count, "i32"], result: "i32", nonblocking: true },
    });
    // struct pollfd { int fd; short events; short revents; }
    const stdout = new DataView(new ArrayBuffer(8));
    stdout.setInt32(0, 1, true);
    return async () =>
      await symbols.poll(stdout.buffer, one, 0) > 0 && (stdout.getInt16(6, true) & GONE) !== 0;
  } catch {
    return undefined;
  }
}
