/**
 * The program's entry: the command line.
 *
 * @module
 */
import { headStart } from "./start/head_start.ts";

// Not from here: an error that is made while a module is on the stack has Deno read all of it again, which takes 1.5 ms. And
// so the module is at its end: in a bundle the program uses what is in the same file.
if (import.meta.main) void Promise.resolve().then(() => main(import.meta.url));

/** Runs the program, and ends the process with it. @param module the address of the main module */
export async function main(module: string): Promise<never> {
  const started = await headStart(Deno.args);
  const { runProgram } = await import("./cli/run_program.ts");
  return await runProgram(module, started);
}
