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
      "the endpoint, its authorization server and a proxy are whatever the user names; waiting for the browser's answer and `--status-port` listen on this machine",
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
      "files named by options (headers, secrets, certificates, lists of upstreams), the store, the server's command looked up, a Unix socket",
    uses: [
      "Deno.cwd",
      "Deno.readDir",
      "Deno.readFile",
      "Deno.readFileSync",
      "Deno.readTextFile",
      "Deno.stat",
    ],
  },
  {
    kind: "write",
    granted: EVERYWHERE,
    reason: "the store (sign-ins, what was found out of servers), `--log-file`, a Unix socket",
    uses: ["Deno.chmod"],
  },
  {
    kind: "env",
    granted: EVERYWHERE,
    reason:
      "`MCP_CONNECT_…`, `${NAME}` in headers, the proxy variables, where the home directory is; the server's command gets them",
    uses: [],
  },
  {
    kind: "run",
    granted: EVERYWHERE,
    reason:
      "a server that is a command, the browser, the system's keychain; all of it, as only then Deno lets a process group be ended with what its members have started",
    uses: ["Deno.Command", "Deno.kill"],
  },
  {
    kind: "ffi",
    granted: ["linux", "darwin"],
    reason:
      "one call of the C library, poll(2), which tells that a client has closed our stdout; Deno has none, and a library without a path can't be granted alone",
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
