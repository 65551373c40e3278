/**
 * The program's entry: the command line.
 *
 * @module
 */
import { runProgram } from "./cli/run_program.ts";

if (import.meta.main) await runProgram(import.meta.url);
