import { type CompileError, compileError, ExitCode } from "./compile_error.ts";
import type { Target } from "./targets.ts";

/**
 * Tells what is missing when Deno has no base executable for a target, and where it can be put.
 *
 * @param base the base that was named, if one was
 * @param said what Deno said of it
 */
export function missingBase(target: Target, base: string | undefined, said: string): CompileError {
  const causes = [...said.matchAll(/^ *(?:\d+: )?(.+)$/gm)].map(([, text]) => text!)
    .filter((text) => !/^(?:error: Writing|Caused by:|Setting up base binary\.|$)/.test(text));
  const cause = causes[0] ?? said;
  if (base !== undefined) {
    return compileError(
      ExitCode.NoBase,
      `${base} can't be used as the base for ${target.triple}: ${cause}`,
      "DENORT_BIN names denort for this very target",
    );
  }
  const zip = `denort-${target.triple}.zip`;
  return compileError(
    ExitCode.NoBase,
    `the base executable for ${target.triple} is missing, and can't be downloaded: ${cause}`,
    [
      "one of these is needed:",
      "  - access to Deno's downloads, once; Deno keeps what it gets",
      `  - ${zip} of Deno ${Deno.version.deno} in dl/release/v${Deno.version.deno}/ of Deno's cache directory (deno info tells where it is)`,
      "  - DENORT_BIN=FILE, the denort out of it, together with one --target",
      "What can be proved without it: deno task compile --check",
    ].join("\n"),
  );
}
