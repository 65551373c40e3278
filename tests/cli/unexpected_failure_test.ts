import { match, strictEqual } from "node:assert/strict";

const CLI = new URL("../../src/cli/", import.meta.url).href;

/** Runs a script that uses the command line's modules, with these arguments. */
async function runScript(script: string, ...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", "--ext=ts", script, ...args],
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

const throwing = `
  const { runCommandLine } = await import("${CLI}application.ts");
  const loaders = { proxy: async () => () => { throw new Error("first\\nsecond"); } };
  Deno.exit(await runCommandLine(["proxy", ...Deno.args], loaders));
`;

Deno.test("a command that throws gets one line and exit code 1", async () => {
  const { code, stdout, stderr } = await runScript(throwing);
  strictEqual(code, 1);
  strictEqual(stdout, "");
  strictEqual(
    stderr,
    "mcp-connect: unexpected failure: Error: first second (run with --debug for details)\n",
  );
});

Deno.test("with --debug its stack follows", async () => {
  const { code, stderr } = await runScript(throwing, "--debug");
  strictEqual(code, 1);
  match(stderr, /^mcp-connect: unexpected failure: Error: first second\nError: first\nsecond\n +at /);
});

Deno.test("a command whose code can't be loaded gets one line and exit code 1", async () => {
  const { code, stderr } = await runScript(
    throwing.replace("async () => () => { throw new Error", "async () => { throw new Error"),
  );
  strictEqual(code, 1);
  match(stderr, /^mcp-connect: unexpected failure: Error: first second .*\n$/);
});

Deno.test("a rejection that nobody handles gets one line and exit code 1", async () => {
  const { code, stderr } = await runScript(
    `
    const { runProgram } = await import("${CLI}run_program.ts");
    queueMicrotask(() => void Promise.reject(new TypeError("late")));
    await runProgram();
  `,
    "notification-demo",
    "--count=100",
  );
  strictEqual(code, 1);
  strictEqual(stderr, "mcp-connect: unexpected failure: TypeError: late (run with --debug for details)\n");
});
