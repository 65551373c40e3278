import { portOf } from "../link/http/deno_client.ts";
import { lockFileName, logFileNames } from "../telemetry/log_file.ts";
import type { Need } from "./need.ts";
import { askingNeeds } from "./asking_needs.ts";
import { comfort, hostPort, need, placeNeeds } from "./place_needs.ts";
import { proxyNeeds } from "./proxy_needs.ts";
import { signInNeeds } from "./sign_in_needs.ts";
import type { Use } from "./use.ts";

/** The commands that are of no use without the store. */
const ABOUT_THE_STORE = ["status", "logout"];

/** The commands that bridge a client until it goes. */
const BRIDGES = ["proxy", "load-balance", "auth-proxy"];

/**
 * Decides what Deno has to permit for a use of the program: all that it needs for it, and nothing else. Of two needs of
 * one thing the weightier one is left.
 */
export function permissionsFor(use: Use): Need[] {
  if (use.command === "permissions") return weightiest([...askingNeeds(use), ...optionNeeds(use)]);
  return weightiest([
    ...placeNeeds(use),
    ...proxyNeeds(use),
    ...signInNeeds(use),
    ...statusNeeds(use),
    ...releaseNeeds(use),
    ...fileNeeds(use),
    ...storeNeeds(use),
    ...logNeeds(use),
    ...optionNeeds(use),
    ...extras(use),
  ]);
}

/** The files and variables that options take their values from. */
function optionNeeds(use: Use): Need[] {
  return [
    ...use.facts.files.map(({ path, where }) =>
      need("read", path, `the file of ${where}`, "the program does not start: exit code 6")
    ),
    ...variableNeeds(use),
  ];
}

function releaseNeeds({ releases }: Use): Need[] {
  if (releases === undefined) return [];
  const place = hostPort(releases.hostname, portOf(releases));
  return [need("net", place, "the list of releases (--check)", "it can't be told: exit code 6")];
}

function statusNeeds({ settings }: Use): Need[] {
  const status = settings?.balance?.status;
  if (status === undefined) return [];
  const place = hostPort(status.hostname, status.port);
  return [
    comfort("net", place, "the status page (--status-port)", "there is no such page, and the log says so"),
  ];
}

function fileNeeds({ settings }: Use): Need[] {
  const balance = settings?.balance;
  const watched = [
    ...(balance?.sources.flatMap((it) =>
      it.kind === "file" ? [[it.path, "--endpoints-file"] as const] : []
    ) ??
      []),
    ...(balance?.drainFile === undefined ? [] : [[balance.drainFile, "--drain-file"] as const]),
  ];
  return watched.flatMap(([path, option]) => [
    ...(option === "--drain-file"
      ? [comfort("read", path, `the file of ${option}`, "nothing is drained, and the log says so")]
      : []),
    {
      kind: "read",
      value: path.replace(/[^/\\]*$/, "").replace(/(.)[/\\]$/, "$1") || ".",
      reason: `hearing at once when the file of ${option} changes; it would permit all of the directory`,
      without: "it is looked at every five seconds",
      weight: "extra",
    } as const,
  ]);
}

function storeNeeds({ command, store }: Use): Need[] {
  if (store === undefined) return [];
  if (command === "status") {
    return [need("read", store, "the store", "the program does not start: exit code 6")];
  }
  if (command === "logout") {
    const without = "the program does not start: exit code 6";
    return (["read", "write"] as const).map((kind) => need(kind, store, "the store", without));
  }
  const reason = "the store: what is known of servers, and tokens";
  const without = "servers are asked anew each time, and tokens end with the program";
  return (["read", "write"] as const).map((kind) => comfort(kind, store, reason, without));
}

function logNeeds({ settings }: Use): Need[] {
  const file = settings?.log.file;
  if (file === undefined) return [];
  const names = logFileNames(file);
  const without = "the program does not start: exit code 6";
  return [
    ...[...names, lockFileName(file.path)].map((it) => need("write", it, "the log file", without)),
    ...names.slice(0, -1).map((it) => need("read", it, "renaming the log file once it is full", without)),
  ];
}

/** Whether a variable is one that the program does without: an option's, or one that tells of a place. */
export function isOptional(name: string): boolean {
  return /^MCP_CONNECT_/.test(name) || PLACES.test(name);
}

const PLACES = /^(?:HOME|XDG_STATE_HOME|LOCALAPPDATA|USERPROFILE|MCP_REMOTE_CONFIG_DIR)$/;

function variableNeeds({ command, facts }: Use): Need[] {
  return facts.variables.map((name) => {
    if (ABOUT_THE_STORE.includes(command) && (name === "MCP_CONNECT_STORE" || PLACES.test(name))) {
      return need("env", name, "where the store is", "the program does not start: exit code 6");
    }
    if (!isOptional(name)) {
      return need("env", name, "a header's value", "the program does not start: exit code 6");
    }
    return PLACES.test(name)
      ? comfort("env", name, "where the store is, or what is taken over", "nothing is kept or found there")
      : comfort("env", name, "an option's value", "it counts as not set");
  });
}

function extras({ command, facts, settings }: Use): Need[] {
  const cwd = facts.places.some(({ endpoint }) => endpoint.kind === "command") ? settings?.cwd : undefined;
  return [
    ...(BRIDGES.includes(command) && (facts.os === "linux" || facts.os === "darwin")
      ? [
        {
          kind: "ffi",
          reason:
            "noticing that a client which leaves stdin open has closed our stdout; it would permit any C function",
          without: "that is noticed with the next message for the client",
          weight: "extra",
        } as const,
      ]
      : []),
    ...(cwd === undefined ? [] : [
      {
        kind: "read",
        value: cwd,
        reason: "checking --cwd before the command is started",
        without: "that it does not exist is known when the command is started",
        weight: "extra",
      } as const,
    ]),
  ];
}

const WEIGHTS = ["needed", "comfort", "extra"];

function weightiest(needs: readonly Need[]): Need[] {
  const found = new Map<string, Need>();
  for (const each of needs) {
    const key = `${each.kind} ${each.value ?? ""}`;
    const before = found.get(key);
    if (before === undefined || WEIGHTS.indexOf(each.weight) < WEIGHTS.indexOf(before.weight)) {
      found.set(key, each);
    }
  }
  return [...found.values()];
}
