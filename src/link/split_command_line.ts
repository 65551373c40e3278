import { EndpointError } from "./endpoint_error.ts";

/** Whose rules a command line follows. */
export type CommandPlatform = "posix" | "windows";

/**
 * Splits a command line into words.
 *
 * - Spaces, tabs and line breaks separate words.
 * - Between single quotes every character stands for itself.
 * - Between double quotes too, but on POSIX a backslash before `"`, `\`, `$` or a backquote takes its meaning
 *   away and is dropped, and one before a line break removes both.
 * - Elsewhere on POSIX a backslash takes the next character's meaning away; on Windows a backslash is a
 *   character like any other, everywhere.
 * - Quotes may begin and end inside a word (`--name="a b"`); `""` is an empty word.
 * - Nothing is expanded: no variables, globs, `~`, comments, `;`, `|` or `>`. No shell is involved.
 *
 * @throws {EndpointError} a quote is not closed, a backslash stands at the end, or a NUL appears
 */
export function splitCommandLine(text: string, platform: CommandPlatform): string[] {
  const posix = platform === "posix";
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === "\0") throw new EndpointError("the command line holds a NUL character");
    if (quote !== "") {
      if (char === quote) quote = "";
      else if (
        posix && quote === '"' && char === "\\" && i + 1 < text.length && '"\\$`\n'.includes(text[i + 1]!)
      ) {
        i++;
        if (text[i] !== "\n") word += text[i]!;
      } else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (posix && char === "\\") {
      i++;
      if (i === text.length) {
        throw new EndpointError("the command line ends in a backslash", "put it in quotes or double it");
      }
      if (text[i] === "\0") throw new EndpointError("the command line holds a NUL character");
      if (text[i] !== "\n") word = (word ?? "") + text[i]!;
    } else if (char === " " || char === "\t" || char === "\n" || char === "\r") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== "") {
    throw new EndpointError(
      `the command line has a ${quote === '"' ? "double" : "single"} quote that is not closed`,
      "or pass the words one by one: mcp-connect proxy -- CMD ARGS…",
    );
  }
  if (word !== undefined) words.push(word);
  return words;
}
