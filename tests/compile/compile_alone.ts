/** Compiles one module for a target without naming a base, and prints the error that comes of it: `{exitCode, message, hint}`. */
import { compileFor } from "../../scripts/compile/compile_for.ts";
import { makeIcon } from "../../scripts/compile/icon.ts";
import { TARGETS } from "../../scripts/compile/targets.ts";

const [main = "", output = "", triple = ""] = Deno.args;
const target = TARGETS.find((it) => it.triple === triple)!;
const icon = `${output}.ico`;
await Deno.writeFile(icon, makeIcon());
try {
  await compileFor({ target, main, output, flags: ["--no-prompt"], args: [], icon, base: undefined });
  Deno.stdout.writeSync(new TextEncoder().encode("{}"));
} catch (error) {
  const { exitCode, message, hint } = error as { exitCode?: number; message?: string; hint?: string };
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify({ exitCode, message, hint })));
}
