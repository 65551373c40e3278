import { deepStrictEqual } from "node:assert/strict";
import { runCli } from "./run_cli.ts";

Deno.test("proxy warns of options that have no effect", async () => {
  const table: [args: string[], warnings: string[]][] = [
    [["http://localhost/"], []],
    [["http://localhost/", "--cwd", "."], ["--cwd and --env only affect commands"]],
    [["localhost:1", "--header", "X-A: 1"], ["headers and credentials go to HTTP endpoints only"]],
  ];
  await Promise.all(table.map(async ([args, warnings]) => {
    const { stderr } = await runCli(["proxy", "--log-format=json", ...args]);
    const told = stderr.split("\n").filter((line) => line.includes('"warn"'));
    deepStrictEqual(told.map((line) => JSON.parse(line).message.split(";")[0]), warnings, stderr);
  }));
});
