import { compileError, ExitCode } from "./compile_error.ts";
import { executableTarget } from "./executable.ts";
import { type Target, TARGETS } from "./targets.ts";

/** What an executable is for stands at its beginning. */
const HEAD = 4096;

/**
 * Finds out which target the base executable that `DENORT_BIN` names is for.
 *
 * @throws {CompileError} when the file can't be read, or is none
 */
export async function baseTarget(path: string): Promise<Target> {
  const head = new Uint8Array(HEAD);
  let length: number;
  try {
    using file = await Deno.open(path);
    length = await file.read(head) ?? 0;
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? "there is no such file"
      : error instanceof Error
      ? error.message
      : String(error);
    throw compileError(ExitCode.NoBase, `DENORT_BIN names ${path}, which can't be read: ${why}`, WANTED);
  }
  const found = executableTarget(head.subarray(0, length));
  const target = TARGETS.find(({ os, arch }) => os === found?.os && arch === found.arch);
  if (target !== undefined) return target;
  throw compileError(
    ExitCode.NoBase,
    `DENORT_BIN names ${path}, which is no executable of any target`,
    WANTED,
  );
}

const WANTED = `it has to be denort of Deno ${Deno.version.deno}: the file in denort-TARGET.zip`;
