import { LinkError } from "../link_error.ts";

/**
 * What it means that `Deno.Command.spawn` threw `error`.
 *
 * @param exists whether there is a file at a path; `undefined` where that can't be told
 */
export function spawnError(
  error: unknown,
  command: string,
  cwd: string | undefined,
  exists: (path: string) => boolean | undefined,
): LinkError {
  const text = error instanceof Error ? error.message : String(error);
  const because = (code: LinkError["code"], message: string, hint?: string) =>
    new LinkError(code, message, { hint, cause: error });
  const shown = JSON.stringify(command);
  const isPath = /[\\/]/.test(command);

  if (cwd !== undefined && /\bcwd\b/i.test(text)) {
    return because("NOT_FOUND", `no such directory to start ${shown} in: ${cwd}`, "Check --cwd.");
  }
  if (error instanceof Deno.errors.NotCapable) {
    // Loader variables (LD_*, DYLD_*) let a scoped permission run anything, so Deno asks for the whole one.
    const loader = /with (\S+(?:, \S+)*) environment variable/.exec(text)?.[1];
    return loader === undefined
      ? because("PERMISSION", `Deno does not permit ${shown} to run`, `Run with --allow-run=${command}.`)
      : because(
        "PERMISSION",
        `Deno does not permit ${shown} to run while ${loader} is set`,
        `Run with --allow-run, or unset ${loader}.`,
      );
  }
  if (error instanceof Deno.errors.NotFound) {
    if (!isPath) {
      return because(
        "NOT_FOUND",
        `command not found: ${command}`,
        "Is it installed, and its directory in PATH?",
      );
    }
    return exists(command) === true
      ? because("NOT_EXECUTABLE", `can't run ${shown}: the interpreter its first line names does not exist`)
      : because("NOT_FOUND", `no such command: ${command}`, "Check the path.");
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return because(
      "NOT_EXECUTABLE",
      `can't run ${shown}: it is a directory, or not executable`,
      "Check the path, or make it executable (chmod +x).",
    );
  }
  if (/os error 193|exec format/i.test(text)) {
    return because("NOT_EXECUTABLE", `can't run ${shown}: it is no program of this system`);
  }
  if (error instanceof TypeError || /too long|batch file arguments|invalid/i.test(text)) {
    return because("INVALID", `can't start ${shown}: ${reason(text)}`);
  }
  return because("UNREACHABLE", `can't start ${shown}: ${reason(text)}`);
}

function reason(text: string): string {
  return text.replace(/^Failed to spawn '[^']*': /, "");
}
