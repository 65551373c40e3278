import type { PermissionKind } from "../permissions/unused_kinds.ts";
import type { HeadStart } from "../start/head_start.ts";
import { LOADERS, runCommandLine } from "./application.ts";
import { ExitCode } from "./exit_codes.ts";
import { unexpectedError, writeError } from "./write_text.ts";

/**
 * Runs the command line with this process's arguments and ends the process. An error that nobody caught, in the
 * background too, is one line on stderr (with `--debug` and its stack) and exit code 1.
 *
 * @param main the address of the main module
 * @param headStart what has been done for the client already
 */
export async function runProgram(main: string, headStart?: HeadStart): Promise<never> {
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
  Deno.exit(await runCommandLine(Deno.args, LOADERS, { main, giveUp, ...(headStart && { headStart }) }));
}

/** Gives kinds of permissions up: whatever Deno was told to allow, this process can't use them any more. */
function giveUp(kinds: readonly PermissionKind[]): void {
  for (const name of kinds) {
    try {
      Deno.permissions.revokeSync({ name } as Deno.PermissionDescriptor);
    } catch {
      // An older Deno does not know that kind.
    }
  }
}
