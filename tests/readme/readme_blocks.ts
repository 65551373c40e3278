/** Taking the README's command lines and settings out of it. */
import { splitCommandLine } from "../../src/link/split_command_line.ts";
import { PACKAGE } from "../../src/version.ts";

/** A fenced block. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** The heading above it. */
  readonly section: string;
}

/** The fenced blocks of a page. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let section = "";
  let open: { language: string; lines: string[] } | undefined;
  for (const line of markdown.split("\n")) {
    const fence = /^```(\S*)/.exec(line);
    if (open !== undefined) {
      if (fence === null) open.lines.push(line);
      else {
        blocks.push({ language: open.language, text: open.lines.join("\n"), section });
        open = undefined;
      }
    } else if (fence !== null) open = { language: fence[1]!, lines: [] };
    else section = /^#+ (.*)/.exec(line)?.[1] ?? section;
  }
  return blocks;
}

/** What a client's settings say of one server. */
export interface ServerEntry {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** The servers in a client's settings, whatever the client calls them. */
export function serversIn(settings: Record<string, unknown>): ServerEntry[] {
  const found = ["mcpServers", "context_servers", "servers"].flatMap((key) => settings[key] ?? []);
  return found.flatMap((it) => Object.values(it as Record<string, ServerEntry>));
}

/** A command line that is the program's. */
export interface Call {
  /** What the program is given. */
  readonly args: readonly string[];
  /** Flags for Deno, where they are named. */
  readonly flags?: readonly string[];
  /** Where Deno finds the program, where it runs it. */
  readonly entry: "src/main.ts" | "src/mod.ts";
}

/** What a command line of the README is. */
export type Line =
  | { readonly kind: "call"; readonly call: Call }
  /** A task of deno.json. */
  | { readonly kind: "task"; readonly name: string; readonly args: readonly string[] }
  /** `deno install`: its flags, and what is installed. */
  | { readonly kind: "install"; readonly flags: readonly string[]; readonly module: string }
  /** What only the open network and other programs can show. */
  | { readonly kind: "outside" }
  | { readonly kind: "unknown" };

/** Programs that are not ours and that a test can't run. */
const OUTSIDE = new Set(["brew", "cp", "curl", "npm", "scoop", "sudo"]);
const IMAGE = "ghcr.io/OWNER/mcp-connect";

/** The command lines of a shell block, without their comments. */
export function linesOf({ text }: Block): string[] {
  return text.split("\n").map((line) => line.replace(/(?:^|\s+)# .*$/, "").trim()).filter((line) =>
    line !== ""
  );
}

/** Reads a command line. */
export function readLine(text: string): Line {
  return readWords(splitCommandLine(text, "posix"));
}

/** Reads the words of a command line. */
export function readWords(words: readonly string[]): Line {
  const [command = "", ...rest] = words;
  if (command === "mcp-connect") return { kind: "call", call: { args: rest, entry: "src/main.ts" } };
  if (command === "npx" && rest[0] === "-y") {
    if (rest[1] === "mcp-connect") {
      return { kind: "call", call: { args: rest.slice(2), entry: "src/main.ts" } };
    }
    if (/^deno@[\d.]+$/.test(rest[1] ?? "")) return readWords(["deno", ...rest.slice(2)]);
  }
  if (command === "docker" && rest[0] === "run" && rest.includes("-i") && rest.includes(IMAGE)) {
    const args = rest.slice(rest.indexOf(IMAGE) + 1);
    return { kind: "call", call: { args, entry: "src/main.ts" } };
  }
  if (command === "claude" && rest[0] === "mcp" && rest[1] === "add" && rest.includes("--")) {
    return readWords(rest.slice(rest.indexOf("--") + 1));
  }
  if (command === "code" && rest[0] === "--add-mcp") {
    const { command, args }: ServerEntry = JSON.parse(rest[1] ?? "");
    return readWords([command, ...args]);
  }
  if (command === "deno") {
    const [verb, ...words] = rest;
    if (verb === "task") return { kind: "task", name: words[0] ?? "", args: words.slice(1) };
    const at = words.findIndex((word) => word.startsWith("jsr:") || word.endsWith(".ts"));
    const flags = words.slice(0, at);
    const module = words[at] ?? "";
    if (verb === "install" && module !== "") return { kind: "install", flags, module };
    if (verb === "run" && module === `jsr:${PACKAGE}`) {
      return { kind: "call", call: { args: words.slice(at + 1), flags, entry: "src/mod.ts" } };
    }
  }
  return { kind: OUTSIDE.has(command) ? "outside" : "unknown" };
}
