import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { runCli } from "./run_cli.ts";

Deno.test("the program is proxy when the environment names the endpoint, whatever options there are", async () => {
  const env = { MCP_CONNECT_ENDPOINT: "http://localhost/" };
  await Promise.all([[], ["--debug"], ["--timeout", "5"]].map(async (args) => {
    const { code, stderr } = await runCli(args, { env });
    strictEqual(code, 0, stderr);
  }));
  const several = { MCP_CONNECT_ENDPOINTS: "http://localhost/a,http://localhost/b" };
  const { code, stderr } = await runCli([], { env: several });
  strictEqual(code, 0, stderr);
  strictEqual((await runCli([], { env: { MCP_CONNECT_ENDPOINT: "" } })).code, 2);
});

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
