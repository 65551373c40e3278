import { deepStrictEqual } from "node:assert/strict";
import { splitWords } from "../../../src/oauth/browser/split_words.ts";

const table: [text: string, platform: "posix" | "windows", words: string[] | undefined][] = [
  ["firefox", "posix", ["firefox"]],
  ["  firefox \t --new-tab ", "posix", ["firefox", "--new-tab"]],
  ["'/opt/my browser/run' \"a b\" c''d", "posix", ["/opt/my browser/run", "a b", "cd"]],
  ['a\\ b "c\\"d" \'e\\f\'', "posix", ["a b", 'c"d', "e\\f"]],
  ["x '' y", "posix", ["x", "", "y"]],
  ["$HOME/`id` $(id) ; a|b > c", "posix", ["$HOME/`id`", "$(id)", ";", "a|b", ">", "c"]],
  ['"C:\\Program Files\\b.exe" -x', "windows", ["C:\\Program Files\\b.exe", "-x"]],
  ["C:\\b.exe", "windows", ["C:\\b.exe"]],
  ["'open", "posix", undefined],
  ["end\\", "posix", undefined],
];
for (const [text, platform, words] of table) {
  Deno.test(`splitWords splits ${text} on ${platform}`, () => {
    deepStrictEqual(splitWords(text, platform), words);
  });
}
