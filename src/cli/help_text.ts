import {
  type CommandName,
  defaultOf,
  isCommon,
  OPTION_GROUPS,
  optionsOf,
  type OptionSpec,
  variableOf,
} from "../config/options.ts";
import { VERSION } from "../version.ts";
import type { COMMANDS } from "./arrange_arguments.ts";
import { EXIT_CODE_MEANINGS } from "./exit_codes.ts";

/** How help looks. */
export interface HelpStyle {
  /** Columns to wrap at. */
  readonly width: number;
  /** Whether headings and options are coloured. */
  readonly color: boolean;
}

/** A page of help. */
interface Page {
  readonly brief: string;
  readonly usage: readonly string[];
  readonly notes: readonly string[];
  readonly examples: readonly (readonly [command: string, what: string])[];
}

/** One line for each command. */
export const COMMAND_BRIEFS: Readonly<Record<typeof COMMANDS[number], string>> = {
  proxy: "connect the MCP client on stdin and stdout to a server",
  "load-balance": "the same, with requests spread over several servers",
  "auth-proxy": "proxy for a server that is signed in to with OAuth",
  test: "try a server: connect, list what it offers, measure, report",
  login: "sign in to a server, before a client needs it",
  logout: "sign out of a server: revoke its tokens, and forget them",
  status: "show who is signed in where, and until when",
  permissions: "print the Deno permissions that a command line needs",
  "notification-demo": "write sample log notifications to stdout",
  completions: "print a script that completes command lines in a shell",
  version: "print the version; --check asks for a newer one",
  help: "show the help of a command",
};

const ENDPOINT_NOTE =
  "The endpoint is a URL (http://, https://), tcp://host:port, host:port, unix:path, or a " +
  "command line, whose quotes are read as a POSIX shell does (on Windows a backslash is an ordinary character) and " +
  "in which nothing is expanded. Words after -- are taken as the command exactly as they are. A URL's " +
  "server is spoken to over Streamable HTTP, or HTTP+SSE if it only knows that.";

const BALANCE_NOTE =
  "Upstreams are endpoints that requests are spread over: bare arguments, --endpoint, --endpoints (with commas between " +
  "them), the lines of --endpoints-file, and a command after --. Each may end in ;weight=N, its share next to the others' " +
  "1, and in ;drain, for one that takes nothing new; weights are looked at by the policies least-pending, p2c, random, " +
  "weighted and hash. dns+https://host/path (dns+http, dns+tcp) stands for every address of that name, with the name kept " +
  "for Host and TLS; srv+https://_mcp._tcp.example.com/path (srv+http, srv+tcp) for the servers that its SRV records " +
  "name. Headers and credentials go to all upstreams at URLs.";

const HEADER_NOTE = "Header values may hold ${NAME} for an environment variable ($${ is a literal ${). " +
  "A header given in several ways: the command line wins over the environment; on one side, --auth-token, --api-key or " +
  "--user-agent and another value for the same header is an error; otherwise --header wins over --headers, " +
  "and that over --header-file.";

const SIGN_IN_NOTE =
  "A server that answers 401 is signed in to: a browser tab opens, the client is answered meanwhile, and what the sign-in " +
  "gives is kept in the store for all copies of this program, and renewed by itself. Without a browser: --no-browser prints " +
  "where to sign in, --device-code has the user enter a code elsewhere, and login takes the address that the browser ended " +
  "up at.";

const ERA_NOTE =
  "The report tells which era of the protocol the server speaks, how that was found out, and what a client of each " +
  "revision gets. A server that answers as a legacy one is asked more at the end, on connections of their own; a command " +
  "is started once more for it, unless --protocol says what it speaks.";

const PERMISSIONS_NOTE =
  "The flags are on stdout, in one line to paste behind `deno run`; stderr says what each permission is for, and what " +
  "works without it. The command is not run, but each server at a URL is asked whether it wants a sign-in, and if it does, " +
  "its metadata who gives tokens. --json and --offline may stand anywhere.";

const PAGES: Readonly<Record<CommandName, Page>> = {
  proxy: {
    brief: COMMAND_BRIEFS.proxy,
    usage: [
      "mcp-connect proxy [OPTIONS] ENDPOINT",
      "mcp-connect proxy [OPTIONS] --endpoint ENDPOINT",
      "mcp-connect proxy [OPTIONS] -- CMD ARGS…",
      "mcp-connect [OPTIONS] URL",
    ],
    notes: [ENDPOINT_NOTE, HEADER_NOTE, SIGN_IN_NOTE],
    examples: [
      ["mcp-connect https://example.com/mcp", "a remote server"],
      ["mcp-connect proxy https://example.com/mcp --auth-token '${TOKEN}'", "a token from the environment"],
      ['mcp-connect proxy https://example.com/mcp --header "X-Team: blue"', "a header of your own"],
      [
        "mcp-connect proxy https://a.example/mcp --fallbacks https://b.example/mcp",
        "another server in reserve",
      ],
      ["mcp-connect proxy 127.0.0.1:9000", "newline-delimited JSON-RPC over TCP"],
      [
        "mcp-connect proxy --ignore-tool 'delete_*' -- node server.js --verbose",
        "a command, some tools hidden",
      ],
    ],
  },
  "load-balance": {
    brief: COMMAND_BRIEFS["load-balance"],
    usage: [
      "mcp-connect load-balance [OPTIONS] UPSTREAM…",
      "mcp-connect load-balance [OPTIONS] --endpoints UPSTREAM,UPSTREAM…",
      "mcp-connect load-balance [OPTIONS] --endpoints-file FILE",
      "mcp-connect load-balance [OPTIONS] UPSTREAM… -- CMD ARGS…",
    ],
    notes: [BALANCE_NOTE, ENDPOINT_NOTE, HEADER_NOTE, SIGN_IN_NOTE],
    examples: [
      [
        "mcp-connect load-balance --endpoints https://a.example/mcp,https://b.example/mcp",
        "two servers, in turn",
      ],
      [
        "mcp-connect load-balance 'https://a.example/mcp;weight=3' https://b.example/mcp",
        "three requests of four go to the first",
      ],
      ["mcp-connect load-balance dns+https://mcp.example.com/mcp", "every address of a name"],
      ["mcp-connect load-balance srv+https://_mcp._tcp.example.com/mcp", "what SRV records name"],
      [
        "mcp-connect load-balance --endpoints-file upstreams.txt --status-port 9090",
        "a file, and a page to see what goes on",
      ],
    ],
  },
  "auth-proxy": {
    brief: COMMAND_BRIEFS["auth-proxy"],
    usage: ["mcp-connect auth-proxy [OPTIONS] URL", "mcp-connect auth-proxy [OPTIONS] --endpoint URL"],
    notes: [SIGN_IN_NOTE, ENDPOINT_NOTE, HEADER_NOTE],
    examples: [
      ["mcp-connect auth-proxy https://example.com/mcp", "what the server and its metadata say is enough"],
      [
        "mcp-connect auth-proxy https://example.com/mcp --client-id ID --scopes read,write",
        "a client that is registered, and its scopes",
      ],
      [
        "mcp-connect auth-proxy https://example.com/mcp --client-id ID --auth-url URL --token-url URL",
        "an authorization server without metadata",
      ],
      [
        "mcp-connect auth-proxy https://example.com/mcp --client-credentials --client-id ID --client-secret-file FILE",
        "without a user",
      ],
    ],
  },
  test: {
    brief: COMMAND_BRIEFS.test,
    usage: [
      "mcp-connect test [OPTIONS] ENDPOINT",
      "mcp-connect test [OPTIONS] --endpoint ENDPOINT",
      "mcp-connect test [OPTIONS] -- CMD ARGS…",
    ],
    notes: [ENDPOINT_NOTE, HEADER_NOTE, ERA_NOTE],
    examples: [
      ["mcp-connect test https://example.com/mcp", "what works, what does not, and why"],
      ["mcp-connect test --json https://example.com/mcp", "the same for a program"],
      ["mcp-connect test -- npx -y @modelcontextprotocol/server-everything", "a command"],
    ],
  },
  login: {
    brief: COMMAND_BRIEFS.login,
    usage: ["mcp-connect login [OPTIONS] URL"],
    notes: [SIGN_IN_NOTE],
    examples: [
      ["mcp-connect login https://example.com/mcp", "in the browser"],
      ["mcp-connect login --no-browser https://example.com/mcp", "on a machine without one"],
      ["mcp-connect login --device-code https://example.com/mcp", "with a code on another device"],
      [
        "mcp-connect login --import mcp-remote https://example.com/mcp",
        "with the tokens that mcp-remote has",
      ],
    ],
  },
  logout: {
    brief: COMMAND_BRIEFS.logout,
    usage: ["mcp-connect logout [OPTIONS] URL"],
    notes: [],
    examples: [["mcp-connect logout https://example.com/mcp", "revoke and forget"]],
  },
  status: {
    brief: COMMAND_BRIEFS.status,
    usage: ["mcp-connect status [OPTIONS]"],
    notes: [],
    examples: [["mcp-connect status --json", "for scripts"]],
  },
  permissions: {
    brief: COMMAND_BRIEFS.permissions,
    usage: ["mcp-connect permissions [OPTIONS] COMMAND [OPTIONS OF THE COMMAND]…"],
    notes: [PERMISSIONS_NOTE],
    examples: [
      [
        "mcp-connect permissions proxy --endpoint https://example.com/mcp",
        "the least that proxy needs there",
      ],
      [
        "mcp-connect permissions --offline load-balance --endpoints-file upstreams.txt",
        "without asking anybody",
      ],
      ["mcp-connect permissions --json proxy -- node server.js", "for scripts"],
    ],
  },
  "notification-demo": {
    brief: COMMAND_BRIEFS["notification-demo"],
    usage: ["mcp-connect notification-demo [OPTIONS]"],
    notes: ["The levels are info, warning, error and debug in turn, half a second apart."],
    examples: [["mcp-connect notification-demo --count 8", "each level twice"]],
  },
  completions: {
    brief: COMMAND_BRIEFS.completions,
    usage: ["mcp-connect completions bash|zsh|fish|powershell"],
    notes: ["The script is for a command called mcp-connect, and knows the options of this version."],
    examples: [
      ['eval "$(mcp-connect completions bash)"', "bash, in ~/.bashrc"],
      ['eval "$(mcp-connect completions zsh)"', "zsh, in ~/.zshrc, after compinit"],
      ["mcp-connect completions fish | source", "fish, in ~/.config/fish/config.fish"],
      [
        "mcp-connect completions powershell | Out-String | Invoke-Expression",
        "PowerShell, in the file $PROFILE names",
      ],
    ],
  },
  version: {
    brief: COMMAND_BRIEFS.version,
    usage: ["mcp-connect version [OPTIONS]"],
    notes: [
      "Nothing is asked for without --check. A newer release is no failure: the exit code is 0, and --json tells. When it " +
      "can't be told within five seconds, the exit code says why. MCP_CONNECT_RELEASES names another list of releases.",
    ],
    examples: [
      ["mcp-connect version --check", "is there a newer release?"],
      ["mcp-connect version --json", "for a report: the version, Deno's, the system"],
    ],
  },
};

/** The style that fits stdout: colours and the terminal's width only on a terminal. */
export function stdoutStyle(): HelpStyle {
  if (!Deno.stdout.isTerminal()) return { width: 80, color: false };
  let width = 80;
  try {
    width = Math.max(60, Math.min(110, Deno.consoleSize().columns));
  } catch { /* a terminal that does not tell its size */ }
  return { width, color: !Deno.noColor };
}

/** The help of a command, or of the whole program for `undefined` and `help`. */
export function helpFor(
  command: typeof COMMANDS[number] | undefined,
  style: HelpStyle = stdoutStyle(),
): string {
  return command === undefined || command === "help" ? rootHelp(style) : commandHelp(command, style);
}

/** How commands that take a word are listed. */
const COMMAND_ROWS: Readonly<Record<string, string>> = {
  completions: "completions SHELL",
  permissions: "permissions COMMAND",
  help: "help [COMMAND]",
};

function rootHelp(style: HelpStyle): string {
  const paint = painter(style);
  const rows = Object.entries(COMMAND_BRIEFS).map(([name, brief]) =>
    [COMMAND_ROWS[name] ?? name, brief] as const
  );
  return join([
    [`mcp-connect ${VERSION}: connects any MCP client to any MCP server`],
    [
      paint.heading("Usage"),
      "  mcp-connect COMMAND [OPTIONS]",
      "  mcp-connect [OPTIONS] URL            (short for: mcp-connect proxy …)",
      "  mcp-connect [OPTIONS] -- CMD ARGS…   (the same)",
    ],
    [paint.heading("Commands"), ...columns(rows, style)],
    [
      paint.heading("Options of every command (before or after its name)"),
      ...optionRows(optionsOf("proxy").filter(isCommon), "proxy", style),
      ...columns(standardRows, style),
    ],
    [paint.heading("Environment"), ...environmentLines(style)],
    [
      paint.heading("Examples"),
      ...exampleLines([
        ["mcp-connect https://example.com/mcp", "what an MCP client's settings call"],
        ["mcp-connect proxy -- node server.js", "a server that is a command"],
        ["mcp-connect test https://example.com/mcp", "is it up, what does it offer?"],
        ["mcp-connect help proxy", "every option of proxy"],
      ], style),
    ],
    exitLines(style),
  ]);
}

function commandHelp(command: CommandName, style: HelpStyle): string {
  const paint = painter(style);
  const page = PAGES[command];
  const options = optionsOf(command);
  const groups = OPTION_GROUPS.flatMap((group) => {
    const members = options.filter((option) => option.group === group);
    return members.length === 0 ? [] : [[paint.heading(group), ...optionRows(members, command, style)]];
  });
  return join([
    [`mcp-connect ${command}: ${page.brief}`],
    [paint.heading("Usage"), ...page.usage.map((line) => `  ${line}`)],
    ...page.notes.map((note) => wrap(note, style.width, "")),
    ...groups,
    [paint.heading("Help"), ...columns(standardRows, style)],
    [paint.heading("Environment"), ...environmentLines(style)],
    [paint.heading("Examples"), ...exampleLines(page.examples, style)],
    exitLines(style),
  ]);
}

const standardRows: readonly (readonly [string, string])[] = [
  ["-h, --help", "print help and end"],
  ["-V, --version", "print the version and end"],
];

/** What an option's row in help says. */
export function optionText(option: OptionSpec, command: CommandName): readonly [left: string, right: string] {
  const left = `--${option.name}${option.placeholder === undefined ? "" : ` ${option.placeholder}`}`;
  const preset = defaultOf(option, command)?.replace("VERSION", VERSION);
  return [left, `${option.brief}${preset === undefined ? "" : ` [default: ${preset}]`}`];
}

function optionRows(options: readonly OptionSpec[], command: CommandName, style: HelpStyle): string[] {
  return columns(options.map((option) => optionText(option, command)), style);
}

function environmentLines(style: HelpStyle): string[] {
  return wrap(
    `Every option has a variable: MCP_CONNECT_ and its name in upper case, - as _ (--auth-token: ${
      variableOf("auth-token")
    }). An option wins over its variable. A switch is 1, true, yes, 0, false or no; ` +
      "what may be repeated has a line for each value, or commas between tools. An empty variable counts as not set.",
    style.width,
    "  ",
  );
}

function exampleLines(examples: Page["examples"], style: HelpStyle): string[] {
  const paint = painter(style);
  return examples.flatMap(([command, what]) => [`  ${paint.faint(`# ${what}`)}`, `  ${command}`]);
}

function exitLines(style: HelpStyle): string[] {
  return [
    painter(style).heading("Exit codes"),
    ...columns(EXIT_CODE_MEANINGS.map(([code, meaning]) => [String(code), meaning] as const), style),
  ];
}

/** Rows of two columns; what is too long on the left stands on a line of its own. */
function columns(rows: readonly (readonly [left: string, right: string])[], style: HelpStyle): string[] {
  const paint = painter(style);
  const longest = Math.max(...rows.map(([left]) => left.length));
  const indent = Math.min(longest, 30) + 4;
  return rows.flatMap(([left, right]) => {
    const text = wrap(right, style.width, " ".repeat(indent));
    if (left.length + 4 > indent) return [`  ${paint.option(left)}`, ...text];
    return [`  ${paint.option(left)}${text[0]!.slice(2 + left.length)}`, ...text.slice(1)];
  });
}

function wrap(text: string, width: number, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    if (line !== indent && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent;
    }
    line += line === indent ? word : ` ${word}`;
  }
  return [...lines, line];
}

function join(blocks: readonly (readonly string[])[]): string {
  return `${blocks.map((block) => block.join("\n")).join("\n\n")}\n`;
}

function painter({ color }: HelpStyle) {
  const sgr = (code: number, text: string) => color ? `\x1b[${code}m${text}\x1b[0m` : text;
  return {
    heading: (text: string) => sgr(1, text),
    option: (text: string) => sgr(36, text),
    faint: (text: string) => sgr(2, text),
  };
}
