import type { CommandPlatform } from "../link/split_command_line.ts";

/** Words as one line for a shell: a POSIX one, or PowerShell and `cmd` as far as both read quotes alike. */
export function quoteWords(words: readonly string[], platform: CommandPlatform): string {
  return words.map((word) => {
    if (/^[\w@%+=:,./~-]+$/.test(word) && !word.startsWith("~")) return word;
    if (platform === "posix") return `'${word.replaceAll("'", `'\\''`)}'`;
    return /^[\w@+=:,./\\~-]+$/.test(word) ? word : `"${word.replaceAll('"', '\\"')}"`;
  }).join(" ");
}
