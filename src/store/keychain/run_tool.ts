import { SecretBoxError } from "../secret_box.ts";

/** A system's own program that is run to its end. */
export interface Tool {
  /** Its name or path; no shell ever reads it. */
  readonly command: string;
  /** What it is part of, for whoever lacks it. */
  readonly from: string;
  /** Variables beside those of this program. @default {} */
  readonly env?: Readonly<Record<string, string>>;
}

/** What a tool left. */
export interface ToolRun {
  readonly code: number;
  readonly stdout: string;
  /** One line, without control characters; empty where nothing was said but warnings of libraries. */
  readonly stderr: string;
}

/** A person may have to unlock the keychain first; what takes longer has nobody to ask. In milliseconds. */
const PATIENCE_MS = 20_000;

/**
 * Runs a tool without a shell. What is secret goes to its stdin, never among its arguments, which everyone on the machine
 * can read.
 *
 * @throws {SecretBoxError} when it is not there, may not be run, or does not end
 */
export async function runTool(
  { command, from, env = {} }: Tool,
  args: readonly string[],
  stdin = "",
  patienceMs = PATIENCE_MS,
): Promise<ToolRun> {
  if (Deno.permissions.querySync({ name: "run", command }).state !== "granted") {
    throw new SecretBoxError(`${command} may not be run`, `run Deno with --allow-run=${command}`);
  }
  const ending = new AbortController();
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(command, {
      args: [...args],
      env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      signal: ending.signal,
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new SecretBoxError(`there is no ${command}`, `install ${from}, or use --token-store file`);
    }
    throw new SecretBoxError(`${command} can't be run: ${oneLine(String(error))}`, "use --token-store file");
  }
  const clock = setTimeout(() => ending.abort(), patienceMs);
  const writer = child.stdin.getWriter();
  // One that ends without reading is known by how it ends.
  const written = writer.write(new TextEncoder().encode(stdin)).then(() => writer.close()).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  clearTimeout(clock);
  await written;
  if (ending.signal.aborted) {
    throw new SecretBoxError(
      `${command} did not end within ${patienceMs / 1000} s`,
      "is the keychain locked? Unlock it, or use --token-store file",
    );
  }
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: oneLine(text(stderr)) };
}

/** The last line that says something: not a library's warning, which are common and mean little. */
function oneLine(text: string): string {
  const isWarning = /^\s*$|^(?:\(.*\): |\*\* )?.*-?WARNING \*\*/;
  const last = text.split(/\r?\n/).findLast((line) => !isWarning.test(line)) ?? "";
  // deno-lint-ignore no-control-regex -- that is what must not reach a terminal
  return last.replace(/[\x00-\x1f\x7f-\x9f]+/g, " ").trim().slice(0, 200);
}
