import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type CommandInput, runCommandLine } from "../../src/cli/application.ts";

/** Runs a command line with commands that only note their input. */
async function parse(...args: string[]): Promise<{ command: string; input: CommandInput; code: number }> {
  const seen: { command: string; input: CommandInput }[] = [];
  const note = (command: string) => () =>
    Promise.resolve((input: CommandInput) => {
      seen.push({ command, input: { ...input, options: { ...input.options } } });
      return 42;
    });
  const code = await runCommandLine(args, {
    "proxy": note("proxy"),
    "load-balance": note("load-balance"),
    "auth-proxy": note("auth-proxy"),
    "test": note("test"),
    "login": note("login"),
    "logout": note("logout"),
    "status": note("status"),
    "permissions": note("permissions"),
    "notification-demo": note("notification-demo"),
    "completions": note("completions"),
    "version": note("version"),
  });
  strictEqual(seen.length, 1);
  return { ...seen[0]!, code };
}

/** The options that were given. */
function given(input: CommandInput): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input.options).filter(([, value]) => value !== undefined));
}

Deno.test("the command line takes values with = and with a space, and returns the command's exit code", async () => {
  const { command, input, code } = await parse(
    "proxy",
    "--endpoint=http://x/?a=b=c",
    "--timeout",
    "2.5",
    "--user-agent=-dash",
    "--header=X: -1",
    "--header",
    "Y: 2",
  );
  strictEqual(command, "proxy");
  strictEqual(code, 42);
  deepStrictEqual(given(input), {
    "endpoint": ["http://x/?a=b=c"],
    "timeout": "2.5",
    "user-agent": "-dash",
    "header": ["X: -1", "Y: 2"],
  });
  deepStrictEqual(input.bare, []);
  strictEqual(input.vector, undefined);
});

Deno.test("the command line passes a negative number as a value", async () => {
  deepStrictEqual(given((await parse("proxy", "--timeout", "-1")).input), { timeout: "-1" });
});

Deno.test("the command line takes global options before the command and after it", async () => {
  for (
    const args of [["--debug", "--log-level", "info", "test", "x:1"], [
      "test",
      "x:1",
      "--log-level=info",
      "--debug",
    ]]
  ) {
    const { command, input } = await parse(...args);
    strictEqual(command, "test");
    deepStrictEqual(given(input), { "debug": true, "log-level": "info" });
    deepStrictEqual(input.bare, ["x:1"]);
  }
});

Deno.test("the command line passes what follows -- as it is", async () => {
  const vector = ["node", "--debug", "--", "", "a b", "--help", "-x", "${A}"];
  for (const args of [["proxy", "--debug", "--"], ["--debug", "--"]]) {
    const { command, input } = await parse(...args, ...vector);
    strictEqual(command, "proxy");
    deepStrictEqual(input.vector, vector);
    deepStrictEqual(given(input), { debug: true });
  }
});

Deno.test("the command line takes a URL in place of the command", async () => {
  const { command, input } = await parse("https://example.com/mcp", "--auth-token", "x");
  strictEqual(command, "proxy");
  deepStrictEqual(input.bare, ["https://example.com/mcp"]);
  deepStrictEqual(given(input), { "auth-token": "x" });
});

Deno.test("the command line takes values for switches", async () => {
  deepStrictEqual(given((await parse("test", "--json=false", "--debug=yes")).input), {
    json: false,
    debug: true,
  });
});

Deno.test("the command line takes several endpoints where requests can be spread over them, and one elsewhere", async () => {
  for (const name of ["proxy", "load-balance", "auth-proxy"]) {
    const { command, input } = await parse(
      name,
      "--endpoint",
      "a:1",
      "--endpoints=b:1,c:1",
      "--endpoint=d:1",
    );
    strictEqual(command, name);
    deepStrictEqual(given(input), { "endpoint": ["a:1", "d:1"], "endpoints": ["b:1,c:1"] });
  }
  deepStrictEqual(given((await parse("test", "--endpoint", "a:1")).input), { endpoint: "a:1" });
});

Deno.test("the command line takes several bare arguments of load-balance, and a command after --", async () => {
  const { input } = await parse("load-balance", "a:1", "--debug", "b:1", "--", "node", "server.js");
  deepStrictEqual(input.bare, ["a:1", "b:1"]);
  deepStrictEqual(input.vector, ["node", "server.js"]);
});
