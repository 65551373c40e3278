import type { CommandName } from "../config/options.ts";
import type { ConnectSettings } from "../config/settings.ts";
import { needsPerson } from "../oauth/settings.ts";
import type { Endpoint } from "../link/endpoint.ts";

/** A kind of Deno's permissions; that of importing is missing among Deno's own types. */
export type PermissionKind = Deno.PermissionName | "import";

/** What decides {@linkcode unusedKinds}. */
export interface Usage {
  readonly command: CommandName;
  /** Those of a command that connects. */
  readonly settings?: ConnectSettings;
  /** Whether another command reads the store. @default false */
  readonly store?: boolean;
  /** Whether another command asks a server. @default false */
  readonly asks?: boolean;
  readonly os: typeof Deno.build.os;
}

/**
 * The kinds of permissions that a command has no use for once its settings are read, however much of them Deno was told
 * to allow. What `permissionsFor` names is never among them.
 */
export function unusedKinds({ command, settings, store = false, asks = false, os }: Usage): PermissionKind[] {
  // Nothing tells of the machine, and all code is known from the start.
  const unused: PermissionKind[] = ["sys", "import"];
  if (command === "permissions") return [...unused, "write", "run", "ffi"];
  if (settings === undefined) {
    return [...unused, ...(asks ? [] : NET), "write", "env", "run", "ffi", ...(store ? [] : READ)];
  }
  const { balance, signIn, log, fallbacks } = settings;
  const kinds = new Set<Endpoint["kind"]>(fallbacks.map(({ endpoint }) => endpoint.kind));
  kinds.add(settings.endpoint.kind);
  for (const { endpoint } of balance?.upstreams ?? []) kinds.add(endpoint.kind);
  // A file may name anything, now or later.
  let open = false;
  for (const source of balance?.sources ?? []) {
    if (source.kind === "file") open = true;
    else kinds.add(source.upstream.endpoint.kind);
  }
  const has = (kind: Endpoint["kind"]) => open || kinds.has(kind);
  const bridges = command === "proxy" || command === "load-balance" || command === "auth-proxy";
  const browser = signIn !== undefined && needsPerson(signIn.oauth.grant) &&
    signIn.oauth.browser === "open" &&
    command !== "test" && command !== "logout";
  // What is stored may be sealed with the keychain, which is another program's.
  const keychain = signIn !== undefined && (signIn.keychain || settings.store !== undefined);
  const runs = has("command") || browser || keychain;
  const kept = settings.store !== undefined || log.file !== undefined;
  const tokenFile = signIn?.oauth.workloadTokenFile ?? signIn?.oauth.identityProvider;

  if (!has("http") && !has("tcp") && !has("unix") && balance?.status === undefined) unused.push("net");
  if (!kept && !has("unix")) unused.push("write");
  if (!runs) unused.push("run");
  // The proxy's variables, how a browser is opened, and how Windows finds a command.
  if (!has("http") && !has("command") && balance?.status === undefined) unused.push("env");
  // Only a bridge watches its stdout, where there is poll(2); once it does, this kind is given up too.
  if (!bridges || (os !== "linux" && os !== "darwin")) unused.push("ffi");
  const reads = kept || runs || has("unix") || tokenFile !== undefined || balance?.drainFile !== undefined ||
    open;
  return reads ? unused : [...unused, ...READ];
}

const NET: readonly PermissionKind[] = ["net"];
const READ: readonly PermissionKind[] = ["read"];
