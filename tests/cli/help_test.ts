import { match, ok, strictEqual } from "node:assert/strict";
import { EXIT_CODE_MEANINGS, ExitCode } from "../../src/cli/exit_codes.ts";
import { helpFor } from "../../src/cli/help_text.ts";
import { type CommandName, defaultOf, OPTIONS, optionsOf } from "../../src/config/options.ts";
import { VERSION } from "../../src/version.ts";
import { runCli } from "./run_cli.ts";

const COMMANDS: readonly CommandName[] = [
  "proxy",
  "load-balance",
  "auth-proxy",
  "test",
  "login",
  "logout",
  "status",
  "permissions",
  "notification-demo",
  "completions",
  "version",
];
const plain = { width: 80, color: false };

Deno.test("help shows every option of a command with its default, and no other's", () => {
  for (const command of COMMANDS) {
    const text = helpFor(command, plain);
    const joined = text.replace(/\s+/g, " ");
    for (const option of OPTIONS) {
      const mine = optionsOf(command).some(({ name }) => name === option.name);
      strictEqual(
        new RegExp(`^  --${option.name}(?: |$)`, "m").test(text),
        mine,
        `${command} --${option.name}`,
      );
      const preset = defaultOf(option, command)?.replace("VERSION", VERSION);
      if (mine && preset !== undefined) {
        ok(joined.includes(`[default: ${preset}]`), `${command} --${option.name}`);
      }
    }
    for (const [code, meaning] of EXIT_CODE_MEANINGS) ok(joined.includes(`${code} ${meaning}`), meaning);
    match(text, /^Examples$/m);
    match(text, /MCP_CONNECT_AUTH_TOKEN/);
  }
});

Deno.test("help keeps to the width, its examples aside", () => {
  for (const command of [undefined, ...COMMANDS]) {
    for (const width of [60, 80, 110]) {
      const prose = helpFor(command, { width, color: false }).replace(/^Examples\n(?: {2}.*\n)+/m, "");
      // Usage lines are commands too.
      for (const line of prose.split("\n")) ok(line.length <= Math.max(width, 80), `${line.length}: ${line}`);
    }
  }
});

Deno.test("help is coloured only on demand", () => {
  // deno-lint-ignore no-control-regex
  const escape = /\x1b\[/;
  ok(escape.test(helpFor("proxy", { width: 80, color: true })));
  ok(!escape.test(helpFor("proxy", plain)));
});

Deno.test("--help, -h and help print the same to stdout, with exit code 0", async () => {
  const root = helpFor(undefined, plain);
  const proxy = helpFor("proxy", plain);
  const table: [args: string[], text: string][] = [
    [["--help"], root],
    [["help"], root],
    [["--debug", "-h"], root],
    [["proxy", "--help"], proxy],
    [["proxy", "-h", "--endpont"], proxy],
    [["help", "proxy"], proxy],
    [["https://x/", "--help"], proxy],
    [["test", "-h"], helpFor("test", plain)],
    [["notification-demo", "--help"], helpFor("notification-demo", plain)],
  ];
  await Promise.all(table.map(async ([args, text]) => {
    const { code, stdout, stderr } = await runCli(args);
    strictEqual(stdout, text, args.join(" "));
    strictEqual(stderr, "");
    strictEqual(code, ExitCode.Ok);
  }));
});

Deno.test("--help after -- belongs to the command there", async () => {
  const { code, stdout } = await runCli(["proxy", "--transport", "tcp", "--", "node", "--help"]);
  strictEqual(code, 2);
  strictEqual(stdout, "");
});

Deno.test("--version and -V print the version, which is deno.json's", async () => {
  const config = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  strictEqual(VERSION, config.version);
  for (const args of [["--version"], ["-V"], ["proxy", "-V"]]) {
    const { code, stdout, stderr } = await runCli(args, { permissions: [] });
    strictEqual(stdout, `mcp-connect ${VERSION}\n`);
    strictEqual(stderr, "");
    strictEqual(code, 0);
  }
});
