/** What {@linkcode resolveWindowsCommand} looks at. */
export interface WindowsLookup {
  /** The command as the user wrote it. */
  readonly command: string;
  /** The directory a relative path starts from; itself absolute, or relative to ours. */
  readonly cwd: string;
  /** The value of `PATHEXT`, where it is known. */
  readonly pathext: string | undefined;
  /** Whether there is a file at a path. */
  readonly exists: (path: string) => boolean;
}

// What CreateProcess starts, and what Deno starts through cmd.exe. `PATHEXT` has more (`.VBS`, `.JS`), which
// need an interpreter by association and can't be started this way.
const RUNNABLE = [".com", ".exe", ".bat", ".cmd"];

/**
 * Finds the file behind a command that is a path without its extension, as a shell does by `PATHEXT`:
 * `node_modules\.bin\server` becomes `node_modules\.bin\server.cmd`. Anything else comes back as it is: Deno
 * itself looks up a bare name in `PATH` by `PATHEXT`, and a path with a runnable extension needs no search. A
 * relative path stays one: Deno, too, lets it start from the directory the command runs in.
 */
export function resolveWindowsCommand({ command, cwd, pathext, exists }: WindowsLookup): string {
  if (!/[\\/]/.test(command) || RUNNABLE.includes(extensionOf(command))) return command;
  const path = isAbsolute(command) ? command : `${cwd.replace(/[\\/]+$/, "")}\\${command}`;
  const extensions = (pathext ?? RUNNABLE.join(";")).toLowerCase().split(";").map((ext) => ext.trim());
  // A file without an extension beside it is the script for Unix shells that npm puts there.
  for (const extension of extensions) {
    if (RUNNABLE.includes(extension) && exists(path + extension)) return command + extension;
  }
  return command;
}

/** Whether Windows runs a file through cmd.exe, which reads its arguments in a way of its own. */
export function isBatchFile(path: string): boolean {
  return [".bat", ".cmd"].includes(extensionOf(path));
}

/**
 * The first argument that no batch file can be given: cmd.exe ends the command line at a line break, and no
 * escape exists. (Deno refuses these too; quotes, percent signs and carets it escapes.)
 */
export function argumentUnfitForBatch(args: readonly string[]): string | undefined {
  return args.find((arg) => /[\r\n\0]/.test(arg));
}

function extensionOf(path: string): string {
  return /\.[^.\\/:]*$/.exec(path)?.[0].toLowerCase() ?? "";
}

function isAbsolute(path: string): boolean {
  return /^(?:[A-Za-z]:[\\/]|[\\/])/.test(path);
}
