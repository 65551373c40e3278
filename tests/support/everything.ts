import { startProgram } from "./program.ts";

/** The official reference server from npm. */
const PACKAGE = "npm:@modelcontextprotocol/server-everything@2026.8.31";

/** The command line that runs the reference server over stdio. */
export const EVERYTHING_STDIO_COMMAND: readonly [string, ...string[]] = [
  Deno.execPath(),
  "run",
  "-A",
  "--quiet",
  PACKAGE,
  "stdio",
];

/** A running reference server. */
export interface EverythingServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** What it has logged. */
  log(): string;
  close(): Promise<void>;
}

export interface EverythingOptions {
  /**
   * How long the first start may take, in milliseconds: it may have to download the package.
   *
   * @default 120000
   */
  readonly timeoutMs?: number;
  /** @default any that is free */
  readonly port?: number;
}

/**
 * Starts `@modelcontextprotocol/server-everything` over Streamable HTTP or HTTP+SSE on a free loopback port and
 * waits until it listens.
 */
export async function startEverything(
  transport: "streamableHttp" | "sse",
  { timeoutMs = 120_000, port: wanted = 0 }: EverythingOptions = {},
): Promise<EverythingServer> {
  const preload = new URL("./bind_loopback.ts", import.meta.url).href;
  const program = startProgram([], {
    entry: [Deno.execPath(), "run", "-A", "--quiet", `--preload=${preload}`, PACKAGE, transport],
    protocol: false,
    env: { LOOPBACK_PORT: `${wanted}` },
    // It ignores the end of stdin and has nothing to lose.
    graceMs: 0,
  });
  const close = async () => {
    program.kill();
    await program[Symbol.asyncDispose]();
  };
  try {
    const [, digits] = await program.waitStderr(/listening on 127\.0\.0\.1:(\d+)\n/, timeoutMs);
    const port = Number(digits);
    return {
      url: `http://127.0.0.1:${port}/${transport === "sse" ? "sse" : "mcp"}`,
      port,
      pid: program.pid,
      log: () => program.stdout() + program.stderr(),
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
