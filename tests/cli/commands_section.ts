import { COMMANDS } from "../../src/cli/arrange_arguments.ts";
import { COMMAND_BRIEFS, helpFor, optionText } from "../../src/cli/help_text.ts";
import { type CommandName, optionsOf } from "../../src/config/options.ts";

/** Where the section begins in the README, and where it ends. */
export const SECTION_BEGIN =
  "<!-- made from the program's own help: MCP_CONNECT_WRITE_DOCS=1 writes it anew -->";
export const SECTION_END = "<!-- end of what is made from the program's own help -->";

/** What each command's help repeats of the help of all. */
const REPEATED = /^(?:Help|Environment|Exit codes)\n/;
const STYLE = { width: 96, color: false };

/**
 * The README's section of commands: the help of the program and of each command, as the program prints it. Options that
 * mean the same to `proxy` are explained there, and only named at other commands.
 */
export function commandsSection(): string {
  const commands = COMMANDS.filter((command) => command !== "help").map((command) =>
    `<details>\n<summary><code>mcp-connect ${command}</code>: ${COMMAND_BRIEFS[command]}</summary>\n\n${
      fenced(shortHelp(command))
    }\n\n</details>`
  );
  return [SECTION_BEGIN, fenced(helpFor(undefined, STYLE).trimEnd()), ...commands, SECTION_END].join("\n\n");
}

/** Puts the section into the README's text. @throws {Error} when its place is not there */
export function withCommandsSection(readme: string): string {
  const begin = readme.indexOf(SECTION_BEGIN);
  const end = readme.indexOf(SECTION_END);
  if (begin < 0 || end < begin) throw new Error("the README has no place for the commands");
  return readme.slice(0, begin) + commandsSection() + readme.slice(end + SECTION_END.length);
}

function shortHelp(command: CommandName): string {
  const blocks = helpFor(command, STYLE).trimEnd().split("\n\n").filter((block) => !REPEATED.test(block));
  if (command === "proxy") return blocks.join("\n\n");
  const shared = sharedWithProxy(command);
  const own = blocks.map((block) => withoutRows(block, shared)).filter((block) => block !== "");
  const examples = own.findIndex((block) => block.startsWith("Examples\n"));
  const named = shared.length === 0 ? [] : [`Also, as with proxy\n${wrapped(shared)}`];
  return [...own.slice(0, examples), ...named, ...own.slice(examples)].join("\n\n");
}

/** The options of a command whose text is that of `proxy`'s. */
function sharedWithProxy(command: CommandName): readonly string[] {
  const proxy = optionsOf("proxy");
  return optionsOf(command)
    .filter((option) =>
      proxy.includes(option) && optionText(option, command)[1] === optionText(option, "proxy")[1]
    )
    .map(({ name }) => `--${name}`);
}

/** A block of rows without those of some options; nothing when its heading alone is left. */
function withoutRows(block: string, options: readonly string[]): string {
  const [heading = "", ...lines] = block.split("\n");
  if (!lines.some((line) => line.startsWith("  --"))) return block;
  let kept = true;
  const rest = lines.filter((line) => {
    const option = /^ {2}(--\S+)/.exec(line)?.[1];
    if (option !== undefined) kept = !options.includes(option);
    return kept;
  });
  return rest.length === 0 ? "" : [heading, ...rest].join("\n");
}

function wrapped(words: readonly string[]): string {
  const lines = ["  "];
  for (const word of words) {
    if (lines.at(-1)!.length + word.length + 1 > STYLE.width) lines.push("  ");
    const line = lines.pop()!;
    lines.push(line === "  " ? `  ${word}` : `${line} ${word}`);
  }
  return lines.join("\n");
}

function fenced(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}
