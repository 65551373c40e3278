import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { ConfigError } from "../../src/config/config_error.ts";
import { type Environment, expandVariables } from "../../src/config/environment.ts";
import { parseSeconds, parseSize, parseWhole } from "../../src/config/numbers.ts";

const refused = (run: () => unknown, text = "") =>
  throws(run, (error) => error instanceof ConfigError && error.message.includes("--x"), text);

Deno.test("parseSeconds reads seconds and their fractions as milliseconds", () => {
  const good: [string, number][] = [
    ["30", 30_000],
    ["2.5", 2500],
    [".25", 250],
    ["1.", 1000],
    [" 7 ", 7000],
    ["0.001", 1],
  ];
  for (const [text, ms] of good) strictEqual(parseSeconds(text, "--x"), ms, text);
  for (
    const text of ["", "0", "0.0001", "-1", "1e3", "Infinity", "NaN", "0x10", "1s", "2147484", "1,5", "."]
  ) {
    refused(() => parseSeconds(text, "--x"), text);
  }
  strictEqual(parseSeconds("0", "--x", true), 0);
  refused(() => parseSeconds("-0", "--x", true));
});

Deno.test("parseWhole keeps to its range", () => {
  strictEqual(parseWhole("0", "--x", 0, 5), 0);
  strictEqual(parseWhole("5", "--x", 0, 5), 5);
  for (const text of ["6", "-1", "1.5", "", "five", "1e0", "99999999999999999999"]) {
    refused(() => parseWhole(text, "--x", 0, 5), text);
  }
});

Deno.test("parseSize knows units of thousands and of 1024s", () => {
  const good: [string, number][] = [
    ["1024", 1024],
    ["64KB", 64_000],
    ["64kb", 64_000],
    ["64KiB", 65_536],
    ["64k", 65_536],
    ["1MiB", 1_048_576],
    ["1.5 MiB", 1_572_864],
    ["2MB", 2_000_000],
    ["2048b", 2048],
    ["500MiB", 524_288_000],
  ];
  for (const [text, bytes] of good) strictEqual(parseSize(text, "--x"), bytes, text);
  for (
    const text of ["", "0", "1023", "501MiB", "1GiB", "-1MiB", "1TB", "MiB", "1 0", "0x400", "constructor"]
  ) {
    refused(() => parseSize(text, "--x"), text);
  }
});

const environment: Environment = (name) => {
  if (name === "HIDDEN") return { kind: "forbidden" };
  const value = ({ A: "one", EMPTY: "", NESTED: "${A}", DOLLAR: "$& $1" } as Record<string, string>)[name];
  return value === undefined ? { kind: "unset" } : { kind: "set", value };
};

Deno.test("expandVariables replaces ${NAME}, once, and keeps everything else", () => {
  const table: [string, string][] = [
    ["plain $A $", "plain $A $"],
    ["${A}-${A}", "one-one"],
    ["x${EMPTY}y", "xy"],
    ["${NESTED}", "${A}"],
    ["${DOLLAR}", "$& $1"],
    ["$${A} ${A}", "${A} one"],
    ["{A}", "{A}"],
  ];
  for (const [text, expanded] of table) {
    strictEqual(expandVariables(text, environment, "--x"), expanded, text);
  }
});

Deno.test("expandVariables names the variable that is missing or may not be read, and shows no text", () => {
  const message = (text: string) => {
    try {
      expandVariables(text, environment, "--x");
    } catch (error) {
      ok(error instanceof ConfigError);
      ok(!error.message.includes("hunter2"), error.message);
      return [error.code, error.message];
    }
    return [];
  };
  deepStrictEqual(message("hunter2 ${NOPE}"), [
    "usage",
    "--x needs the environment variable NOPE, which is not set",
  ]);
  deepStrictEqual(message("hunter2 ${HIDDEN}"), [
    "permission",
    "--x needs the environment variable HIDDEN: run Deno with --allow-env=HIDDEN",
  ]);
  strictEqual(message("hunter2 ${A")[0], "usage");
  strictEqual(message("${hunter2 x}")[0], "usage");
  strictEqual(message("${}")[0], "usage");
});

Deno.test("expandVariables gives back any text whose ${ are escaped", () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom("$", "{", "}", "A", "x") }), (text) => {
    // "$${" is itself a "${" after a dollar, so only texts without that are escaped by doubling.
    fc.pre(!text.includes("$${"));
    strictEqual(expandVariables(text.replaceAll("${", () => "$${"), environment, "--x"), text);
  }));
});
