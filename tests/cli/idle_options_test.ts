import { deepStrictEqual } from "node:assert/strict";
import { idleOptions } from "../../src/cli/idle_options.ts";
import type { ParsedOptions } from "../../src/config/option_values.ts";
import { optionValues } from "../../src/config/option_values.ts";
import { resolveBalance } from "../../src/config/resolve_balance.ts";
import { resolveSettings } from "../../src/config/resolve_settings.ts";

function idle(bare: readonly string[], options: ParsedOptions): string[] {
  const environment = () => ({ kind: "unset" }) as const;
  const values = optionValues("load-balance", options, environment);
  const files = {
    readText: () => "node from_file.js",
    checkDirectory: () => {},
    checkKeyPair: () => undefined,
  };
  const input = { bare, vector: undefined, platform: "posix" } as const;
  const settings = resolveSettings(values, input, environment, files, resolveBalance);
  return idleOptions(settings).map(({ message, endpoints = [] }) =>
    [message.split(/[ ;]/)[0], ...endpoints].join(" ")
  );
}

Deno.test("of several upstreams, one that an option has an effect on is enough; those without headers are named", () => {
  const all: ParsedOptions = { "header": ["X-A: 1"], "connect-timeout": "1", "env": ["A=1"] };
  deepStrictEqual(idle(["http://a/", "node x.js"], all), ["headers node x.js"]);
  deepStrictEqual(idle(["http://a/", "dns+tcp://b:1"], all), ["headers tcp://b:1", "--cwd"]);
  deepStrictEqual(idle(["node x.js", "node y.js"], all), [
    "headers node x.js node y.js",
    "--connect-timeout",
  ]);
  deepStrictEqual(idle(["http://a/"], {}), []);
});

Deno.test("nobody is warned of what a file may name yet", () => {
  deepStrictEqual(idle(["http://a/"], { "endpoints-file": "f", "env": ["A=1"] }), []);
});
