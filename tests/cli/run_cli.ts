/** What a finished run of the program left. */
export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What surrounds a run. */
export interface CliOptions {
  /** Flags of `deno run`. @default ["-A"] */
  readonly permissions?: readonly string[];
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The program's main module. */
export const ENTRY = new URL("../../src/main.ts", import.meta.url).href;

/** Runs the real program to its end, with nothing on stdin. */
export async function runCli(
  args: readonly string[],
  { permissions = ["-A"], env = {} }: CliOptions = {},
): Promise<CliRun> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...permissions, ENTRY, ...args],
    env: { MCP_CONNECT_NO_STORE: "1", ...env },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
