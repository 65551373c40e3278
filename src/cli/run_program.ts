import { runCommandLine } from "./application.ts";
import { ExitCode } from "./exit_codes.ts";
import { unexpectedError, writeError } from "./write_text.ts";

/**
 * Runs the command line with this process's arguments and ends the process. An error that nobody caught, in the
 * background too, is one line on stderr (with `--debug` and its stack) and exit code 1.
 */
export async function runProgram(): Promise<never> {
  const debug = Deno.args.includes("--debug");
  const fail = (error: unknown): never => {
    writeError(`${unexpectedError(error, debug)}\n`);
    Deno.exit(ExitCode.Unexpected);
  };
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    fail(event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    fail(event.error);
  });
  Deno.exit(await runCommandLine(Deno.args));
}
