import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { arrangeArguments } from "../../src/cli/arrange_arguments.ts";

/** The command line, the words for the parser, the vector, and whether `proxy` was implied. */
const table: [args: string[], words: string[], vector?: string[] | undefined, implied?: boolean][] = [
  [[], []],
  [["proxy"], ["proxy"]],
  [["proxy", "--timeout", "5", "x:1"], ["proxy", "--timeout", "5", "x:1"]],
  [["--debug", "proxy", "x:1"], ["proxy", "--debug", "x:1"]],
  [["--log-level", "info", "--debug", "test", "x:1"], ["test", "--log-level", "info", "--debug", "x:1"]],
  [["--log-level=info", "--log-format=json", "test"], ["test", "--log-level=info", "--log-format=json"]],
  [["--debug"], ["--debug"]],
  [["--log-level"], ["--log-level"]],
  [["--help"], ["--help"]],
  [["--debug", "-V"], ["-V", "--debug"]],
  [["https://x/mcp", "--debug"], ["proxy", "https://x/mcp", "--debug"], undefined, true],
  [["--debug", "x:1"], ["proxy", "--debug", "x:1"], undefined, true],
  [["unix:/x"], ["proxy", "unix:/x"], undefined, true],
  [["C:\\x.exe"], ["proxy", "C:\\x.exe"], undefined, true],
  [["npx -y foo"], ["proxy", "npx -y foo"], undefined, true],
  [["--header", "a: b", "x:1"], ["proxy", "--header", "a: b", "x:1"], undefined, true],
  [["--", "node", "--x", "--"], ["proxy"], ["node", "--x", "--"], true],
  [["--debug", "--", "node"], ["proxy", "--debug"], ["node"], true],
  [["test", "--json", "--", "node", "--debug"], ["test", "--json"], ["node", "--debug"]],
  [["proxy", "--"], ["proxy"], []],
  [["prxy", "x:1"], ["prxy", "x:1"]],
  [["constructor"], ["constructor"]],
];

Deno.test("arrangeArguments finds the command, and means proxy by an endpoint", () => {
  for (const [args, words, vector, implied = false] of table) {
    const result = arrangeArguments(args);
    deepStrictEqual([result.words, result.vector, result.implied], [words, vector, implied], args.join(" "));
  }
});

Deno.test("arrangeArguments means proxy when the environment names the endpoint, and nothing else is asked", () => {
  const named = (...args: string[]) => arrangeArguments(args, () => true);
  for (const args of [[], ["--debug"], ["--log-level", "info"]]) {
    const { words, command, implied } = named(...args);
    deepStrictEqual([words, command, implied], [["proxy", ...args], "proxy", true]);
  }
  strictEqual(named("test").command, "test");
  strictEqual(named("prxy").command, undefined);
  deepStrictEqual(named("--debug", "-V").words, ["-V", "--debug"]);
});

Deno.test("arrangeArguments knows only real commands", () => {
  strictEqual(arrangeArguments(["test"]).command, "test");
  strictEqual(arrangeArguments(["x:1"]).command, "proxy");
  for (const word of ["prxy", "constructor", "toString", "__proto__", ""]) {
    strictEqual(arrangeArguments([word]).command, undefined, word);
  }
});

Deno.test("arrangeArguments loses no word and leaves what follows -- as it is", () => {
  const word = fc.oneof(
    fc.constantFrom("--", "--debug", "--log-level", "proxy", "test", "x:1", "-h"),
    fc.string(),
  );
  fc.assert(fc.property(fc.array(word), (args) => {
    const { words, vector, implied } = arrangeArguments(args);
    const dashes = args.indexOf("--");
    deepStrictEqual(vector, dashes < 0 ? undefined : args.slice(dashes + 1));
    const before = dashes < 0 ? args : args.slice(0, dashes);
    deepStrictEqual([...words].sort(), [...before, ...(implied ? ["proxy"] : [])].sort());
  }));
});
