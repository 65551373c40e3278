import type { CommandPlatform } from "../link/split_command_line.ts";

/**
 * Words as one line to paste into a shell: a POSIX one, or PowerShell and `cmd` as far as both read quotes alike (a `%`
 * in `cmd`, and a `$` or a backquote in PowerShell, keep their meaning between double quotes).
 */
export function quoteWords(words: readonly string[], platform: CommandPlatform): string {
  return words.map(platform === "posix" ? posixWord : windowsWord).join(" ");
}

function posixWord(word: string): string {
  return /^[\w@%+=:,./-][\w@%+=:,./~-]*$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** PowerShell takes what commas separate for a list, and `@` at the beginning for something of its own. */
function windowsWord(word: string): string {
  if (/^[\w+=:./\\~-][\w@+=:./\\~-]*$/.test(word)) return word;
  // Before a quote, and there alone, a backslash takes its meaning away.
  return `"${word.replace(/(\\*)"/g, '$1$1\\"').replace(/\\+$/, "$&$&")}"`;
}
