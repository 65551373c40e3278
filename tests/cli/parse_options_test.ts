import { deepStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { type Finding, parseOptions } from "../../src/cli/parse_options.ts";
import { optionsOf } from "../../src/config/options.ts";

const PROXY = optionsOf("proxy");

Deno.test("parseOptions takes options apart", () => {
  const table: [words: string[], options: Record<string, unknown>, bare: string[]][] = [
    [[], {}, []],
    [["x:1", "--debug", "y"], { debug: true }, ["x:1", "y"]],
    [["--timeout=5=6", "--user-agent=a\nb"], { "timeout": "5=6", "user-agent": "a\nb" }, []],
    [["--user-agent", "a:b.c=d"], { "user-agent": "a:b.c=d" }, []],
    [["--header", "a: 1", "--header=b:2"], { header: ["a: 1", "b:2"] }, []],
    [["--timeout", "-1", "--drain-timeout", "-.5"], { "timeout": "-1", "drain-timeout": "-.5" }, []],
    [["--ca-cert", "-", "-"], { "ca-cert": ["-"] }, ["-"]],
    [["--debug", "x:1"], { debug: true }, ["x:1"]],
    [["", "--header", "a: 1", "--header", "-2"], { header: ["a: 1", "-2"] }, [""]],
    [["--debug=0", "true"], { debug: false }, ["true"]],
  ];
  for (const [words, options, bare] of table) {
    deepStrictEqual(parseOptions(PROXY, words), { options, bare, finding: undefined }, words.join(" "));
  }
});

Deno.test("parseOptions finds the first thing that is wrong", () => {
  const table: [words: string[], kind: Finding["kind"], name: string][] = [
    [["--__proto__"], "unknown", "__proto__"],
    [["--__proto__=x"], "unknown", "__proto__"],
    [["--constructor", "x"], "unknown", "constructor"],
    [["--hasOwnProperty"], "unknown", "hasOwnProperty"],
    [["--authToken=x"], "unknown", "authToken"],
    [["--no-debug"], "unknown", "no-debug"],
    [["--json"], "unknown", "json"],
    [["-xyz", "--bogus"], "unknown", "x"],
    [["--äpfel=1"], "unknown", "äpfel"],
    [["---debug"], "unknown", "-debug"],
    [["--timeout"], "no-value", "timeout"],
    [["--timeout="], "no-value", "timeout"],
    [["--timeout", ""], "no-value", "timeout"],
    [["--timeout", "--bogus"], "no-value", "timeout"],
    [["--header", "a: 1", "--header", "-x"], "no-value", "header"],
    [["--header", "a: 1", "--header"], "no-value", "header"],
    [["--debug", "-1"], "no-boolean", "debug"],
    [["--debug:1"], "no-equals", "debug"],
    [["-1"], "unknown", "1"],
    [["-é"], "unknown", "é"],
    [["--debug="], "no-value", "debug"],
    [["--debug=maybe"], "no-boolean", "debug"],
    [["--timeout:5"], "no-equals", "timeout"],
    [["--timeout.5"], "no-equals", "timeout"],
    [["--timeout=1", "--timeout", "1"], "repeated", "timeout"],
    [["--debug", "--debug"], "repeated", "debug"],
  ];
  for (const [words, kind, name] of table) {
    deepStrictEqual(parseOptions(PROXY, words).finding, { kind, name }, words.join(" "));
  }
});

Deno.test("parseOptions gives every value back as it was written with =", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", minLength: 1 }), (value) => {
    const { options, bare, finding } = parseOptions(PROXY, [`--header=${value}`, "x:1"]);
    deepStrictEqual([options, bare, finding], [{ header: [value] }, ["x:1"], undefined]);
  }));
});

Deno.test("parseOptions takes any words, and changes none of them", () => {
  const word = fc.oneof(
    fc.constantFrom("--debug", "--timeout", "--header", "--header=a:1", "-h", "-1", "-", "---", "", "x:1"),
    fc.string(),
    fc.string().map((text) => `--${text}`),
  );
  // What follows "--" is cut off before.
  const words = fc.array(word.filter((text) => text !== "--"));
  fc.assert(fc.property(words, (given) => {
    const before = [...given];
    const { options, bare, finding } = parseOptions(PROXY, given);
    deepStrictEqual(given, before);
    ok(Object.keys(options).every((name) => PROXY.some((option) => option.name === name)));
    ok(finding !== undefined || bare.every((text) => given.includes(text)));
  }));
});
