/**
 * Splits the value of a variable such as `BROWSER` into words: blanks separate them, quotes hold them together, and
 * on POSIX a backslash outside single quotes takes the next character's meaning away. Nothing is expanded.
 *
 * @returns nothing when a quote is not closed, or the value ends in a backslash
 */
export function splitWords(text: string, platform: "posix" | "windows"): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === "\\" && platform === "posix" && quote !== "'") {
      if (++i === text.length) return undefined;
      word = (word ?? "") + text[i];
    } else if (quote !== "") {
      if (char === quote) quote = "";
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + char;
  }
  if (quote !== "") return undefined;
  if (word !== undefined) words.push(word);
  return words;
}
