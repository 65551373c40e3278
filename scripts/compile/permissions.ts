import type { Target } from "./targets.ts";

/** One kind of Deno's permissions, and why an executable has it or does not. */
export interface Permission {
  readonly kind: "net" | "read" | "write" | "env" | "run" | "ffi" | "sys" | "import";
  /** Where it is granted; what is granted nowhere is refused without a question. */
  readonly granted: readonly Target["os"][];
  /** What needs it, or why nothing does; one sentence without its full stop. */
  readonly reason: string;
  /** What of Deno's (and Node's) interfaces needs it in `src`. */
  readonly uses: readonly string[];
}

const EVERYWHERE = ["linux", "darwin", "windows"] as const;

/**
 * The permissions of the executables: the least that all commands together need, whatever their options.
 * A test holds the uses against the code; `docs/compile.md` shows the table.
 */
export const PERMISSIONS: readonly Permission[] = [
  {
    kind: "net",
    granted: EVERYWHERE,
    reason:
      "endpoints, the upstreams of `load-balance` and the names that lead to them, authorization servers and proxies are whatever the user names; the browser's way back from a sign-in and `--status-port` listen on this machine",
    uses: [
      "Deno.connect",
      "Deno.createHttpClient",
      "Deno.listen",
      "Deno.resolveDns",
      "Deno.serve",
      "Deno.startTls",
      "fetch",
      "node:dns/promises",
      "node:tls",
    ],
  },
  {
    kind: "read",
    granted: EVERYWHERE,
    reason:
      "files that options name (`--endpoints-file`, `--drain-file`, headers, secrets, certificates, tokens), the store, what `login --import` takes over, finding a server's command, Unix sockets",
    uses: [
      "Deno.cwd",
      "Deno.open",
      "Deno.readDir",
      "Deno.readFile",
      "Deno.readFileSync",
      "Deno.readTextFile",
      "Deno.readTextFileSync",
      "Deno.readDirSync",
      "Deno.stat",
      "Deno.statSync",
      "Deno.watchFs",
    ],
  },
  {
    kind: "write",
    granted: EVERYWHERE,
    reason: "the store (sign-ins, what is known of servers), `--log-file`, Unix sockets",
    uses: ["Deno.chmod", "Deno.mkdir", "Deno.open", "Deno.remove", "Deno.rename", "Deno.truncate"],
  },
  {
    kind: "env",
    granted: EVERYWHERE,
    reason:
      "`MCP_CONNECT_…`, any `${NAME}` in a header, the proxy variables, where the home directory is, how a browser is opened",
    uses: ["Deno.env"],
  },
  {
    kind: "run",
    granted: EVERYWHERE,
    reason:
      "a server that is a command, whichever the user names; the browser; the system's keychain; and all of it, as only then Deno lets a command be ended with what it has started",
    uses: ["Deno.Command", "Deno.kill"],
  },
  {
    kind: "ffi",
    granted: ["linux", "darwin"],
    reason:
      "one call of the C library, poll(2), which tells that a client has closed our stdout; Deno has none, and a library that has no path can't be granted alone",
    uses: ["Deno.dlopen"],
  },
  {
    kind: "sys",
    granted: [],
    reason: "nothing asks what the machine is",
    uses: [],
  },
  {
    kind: "import",
    granted: [],
    reason: "all code is in the file: what Deno permits by default, a few hosts, is taken away",
    uses: [],
  },
];

/** The flags of `deno compile` (or `deno run`) for a system. */
export function permissionFlags(os: Target["os"]): string[] {
  const granted = PERMISSIONS.filter((it) => it.granted.includes(os));
  return ["--no-prompt", ...granted.map(({ kind }) => `--allow-${kind}`), "--deny-import"];
}

/** The table as a page of the docs shows it. */
export function permissionTable(): string {
  const where = ({ granted }: Permission) => {
    if (granted.length === 0) return "no";
    return granted.length === EVERYWHERE.length ? "yes" : granted.map((os) => SHOWN[os]).join(", ");
  };
  return [
    "| Permission | Granted | What for |",
    "| --- | --- | --- |",
    ...PERMISSIONS.map((it) => `| \`${it.kind}\` | ${where(it)} | ${it.reason} |`),
  ].join("\n");
}

const SHOWN = { linux: "Linux", darwin: "macOS", windows: "Windows" } as const;
