/**
 * The program's entry: the command line.
 *
 * @module
 */
import { runCommandLine } from "./cli/application.ts";

if (import.meta.main) Deno.exit(await runCommandLine(Deno.args));
