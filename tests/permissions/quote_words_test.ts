/** What is printed means the same once it is pasted. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { quoteWords } from "../../src/permissions/quote_words.ts";
import { isWindows } from "../link/child/processes.ts";

const words = fc.array(fc.string({ unit: "grapheme" }).filter((it) => !it.includes("\0")), {
  minLength: 1,
  maxLength: 5,
});

Deno.test("a POSIX shell reads quoted words as they were", { ignore: isWindows }, async () => {
  const samples = [
    [
      "--allow-net=a.example:443,[::1]:80",
      "~/x",
      "a~b",
      "",
      " ",
      "it's",
      "$HOME",
      "`x`",
      "a\\b",
      "*",
      "ü",
      "\n",
      "#",
      "-",
    ],
    ...fc.sample(words, 50),
  ];
  const script = samples.map((it) => `printf '%s\\0' ${quoteWords(it, "posix")}`).join("\n");
  const { stdout } = await new Deno.Command("sh", { args: ["-c", script] }).output();
  deepStrictEqual(new TextDecoder().decode(stdout).split("\0").slice(0, -1), samples.flat());
});

Deno.test("Windows' programs read quoted words as they were", () => {
  fc.assert(fc.property(words, (given) => deepStrictEqual(split(quoteWords(given, "windows")), given)));
  deepStrictEqual(split(quoteWords(["C:\\a b\\", 'a"b', '\\"'], "windows")), ["C:\\a b\\", 'a"b', '\\"']);
});

Deno.test("words that need no quotes have none, and flags with commas have some on Windows alone", () => {
  const flags = ["deno", "run", "--allow-net=a.example:443,b:1", "--allow-read=/srv/a", "C:\\a"];
  strictEqual(
    quoteWords(flags.slice(0, 4), "posix"),
    "deno run --allow-net=a.example:443,b:1 --allow-read=/srv/a",
  );
  strictEqual(
    quoteWords(flags, "windows"),
    'deno run "--allow-net=a.example:443,b:1" --allow-read=/srv/a C:\\a',
  );
});

/** Splits a command line as Microsoft's C runtime does ("Parsing C command-line arguments"). */
function split(line: string): string[] {
  const found: string[] = [];
  let word: string | undefined;
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const [run] = /^\\*/.exec(line.slice(i))!;
    const next = line[i + run.length];
    if (run !== "" && next === '"') {
      word = (word ?? "") + "\\".repeat(Math.floor(run.length / 2));
      i += run.length - 1;
      if (run.length % 2 === 0) continue;
      word += '"';
      i++;
    } else if (line[i] === '"') {
      word ??= "";
      quoted = !quoted;
    } else if (line[i] === " " && !quoted) {
      if (word !== undefined) found.push(word);
      word = undefined;
    } else word = (word ?? "") + line[i];
  }
  return word === undefined ? found : [...found, word];
}
