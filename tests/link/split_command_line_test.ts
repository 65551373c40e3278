import { deepStrictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { EndpointError } from "../../src/link/endpoint_error.ts";
import { splitCommandLine } from "../../src/link/split_command_line.ts";

const posix: [text: string, words: string[]][] = [
  ["", []],
  ["  \t\n ", []],
  ["node server.js", ["node", "server.js"]],
  ["  node\t server.js \n --x ", ["node", "server.js", "--x"]],
  ["a 'b c' d", ["a", "b c", "d"]],
  ['a "b c" d', ["a", "b c", "d"]],
  ["--name='a b'c", ["--name=a bc"]],
  ["a '' \"\"", ["a", "", ""]],
  ["a\\ b c", ["a b", "c"]],
  ["'a\\b'", ["a\\b"]],
  ['"a\\"b\\\\c\\$d\\`e\\nf"', ['a"b\\c$d`e\\nf']],
  ["a\\\nb", ["ab"]],
  ['"a\\\nb"', ["ab"]],
  ['"it\'s" \'say "hi"\'', ["it's", 'say "hi"']],
  ["$HOME ~ *.js `x` ; | > #", ["$HOME", "~", "*.js", "`x`", ";", "|", ">", "#"]],
  ["é 🐟", ["é", "🐟"]],
];

const windows: [text: string, words: string[]][] = [
  ["C:\\srv\\a.exe --x", ["C:\\srv\\a.exe", "--x"]],
  ['"C:\\Program Files\\a.exe" b', ["C:\\Program Files\\a.exe", "b"]],
  ["'C:\\a b\\' c", ["C:\\a b\\", "c"]],
  ['"a\\" b', ["a\\", "b"]],
  ["a\\ b", ["a\\", "b"]],
];

Deno.test("splitCommandLine splits by POSIX rules", () => {
  for (const [text, words] of posix) deepStrictEqual(splitCommandLine(text, "posix"), words, text);
});

Deno.test("splitCommandLine takes a backslash as it is on Windows", () => {
  for (const [text, words] of windows) deepStrictEqual(splitCommandLine(text, "windows"), words, text);
});

Deno.test("splitCommandLine refuses open quotes, a last backslash and NUL", () => {
  for (const text of ["'a", '"a', "a 'b\"", 'a"b', "a\\", '"a\\"', "a\0b", "'\0'", "\\\0"]) {
    throws(() => splitCommandLine(text, "posix"), EndpointError, JSON.stringify(text));
  }
  throws(() => splitCommandLine('"a', "windows"), EndpointError);
});

Deno.test("splitCommandLine returns the words that were quoted, on both platforms", () => {
  const word = fc.string({ unit: "binary" }).filter((w) => !w.includes("\0"));
  fc.assert(fc.property(fc.array(word), (words) => {
    const quoted = words.map((w) => `'${w.replaceAll("'", `'"'"'`)}'`).join(" ");
    deepStrictEqual(splitCommandLine(quoted, "posix"), words);
    deepStrictEqual(splitCommandLine(quoted, "windows"), words);
  }));
});
