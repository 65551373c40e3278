import { strictEqual } from "node:assert/strict";
import { COMMANDS } from "../../src/cli/arrange_arguments.ts";
import { nearest } from "../../src/cli/nearest.ts";
import { optionsOf } from "../../src/config/options.ts";

Deno.test("nearest finds what was meant, or nothing", () => {
  const options = optionsOf("proxy").map(({ name }) => name);
  const table: [word: string, meant: string | undefined][] = [
    ["endpont", "endpoint"],
    ["edpoint", "endpoint"],
    ["enpdoint", "endpoint"],
    ["ENDPOINT", "endpoint"],
    ["log_level", "log-level"],
    ["headr", "header"],
    ["heders", "headers"],
    ["header-fil", "header-file"],
    ["end", "endpoint"],
    ["enf", "env"],
    ["token", "auth-token"],
    ["apikey", "api-key"],
    ["timeouts", "timeout"],
    ["allow-tools", "allow-tool"],
    ["retry", "retry-attempts"],
    ["url", "endpoint"],
    ["verbose", "debug"],
    ["bogus", undefined],
    ["q", undefined],
    ["x".repeat(1000), undefined],
    ["constructor", undefined],
  ];
  for (const [word, meant] of table) strictEqual(nearest(word, options), meant, word);
  strictEqual(nearest("porxy", COMMANDS), "proxy");
  strictEqual(nearest("demo", COMMANDS), "notification-demo");
  strictEqual(nearest("tset", COMMANDS), "test");
  strictEqual(nearest("serve", COMMANDS), undefined);
});
