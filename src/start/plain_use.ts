import { expandVariables, type VariableState } from "../config/environment.ts";
import { checkHeader, type HeaderPair, splitHeader } from "../config/headers.ts";
import { defaultDirectory } from "../store/default_directory.ts";

/** A use of the program that is so plain that what becomes of the client's first message is known beforehand. */
export interface PlainUse {
  /** The server. */
  readonly url: URL;
  /** The user's headers. */
  readonly headers: readonly HeaderPair[];
  /** The store's directory; absent: nothing is kept. */
  readonly store?: string;
}

/** What a plain use may have in the environment, of all that is the program's own. */
const PLAIN_VARIABLES: ReadonlySet<string> = new Set(["MCP_CONNECT_STORE", "MCP_CONNECT_NO_STORE"]);

/**
 * Reads a command line that says no more than `proxy`, a URL, headers and whether something is kept; `undefined` for every
 * other, be it right or wrong: the whole program then says what it means.
 *
 * @param args the arguments without the program's name
 * @param variables the environment
 *
 * @example
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { plainUse } from "./plain_use.ts";
 *
 * const variables = { HOME: "/home/ada" };
 * const use = plainUse(["proxy", "--endpoint", "https://example.com/mcp"], variables, "linux");
 * strictEqual(use?.url.href, "https://example.com/mcp");
 * strictEqual(plainUse(["proxy", "--endpoint", "node server.js"], variables, "linux"), undefined);
 * ```
 */
export function plainUse(
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  os: typeof Deno.build.os,
): PlainUse | undefined {
  for (const name in variables) {
    const own = name.toUpperCase().startsWith("MCP_CONNECT_");
    if (own && variables[name] !== "" && !PLAIN_VARIABLES.has(name)) return undefined;
  }
  let endpoint: string | undefined;
  const headers: HeaderPair[] = [];
  let noStore = false;
  for (let i = args[0] === "proxy" ? 1 : 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === "--no-store") {
      if (noStore) return undefined;
      noStore = true;
      continue;
    }
    const option = /^--(endpoint|header)(?:=(.*))?$/s.exec(word);
    if (option === null && word.startsWith("-")) return undefined;
    const [, name, joined] = option ?? [word, "endpoint", word];
    const value = joined ?? args[++i];
    if (value === undefined || (joined === undefined && value.startsWith("-"))) return undefined;
    if (name === "header") {
      if (!addHeader(headers, value, variables)) return undefined;
    } else {
      if (endpoint !== undefined) return undefined;
      endpoint = value;
    }
  }
  const url = endpoint === undefined ? undefined : plainUrl(endpoint);
  if (url === undefined) return undefined;

  // What else a switch may be called is for the whole program to know.
  const { MCP_CONNECT_NO_STORE: variable = "", MCP_CONNECT_STORE: named = "" } = variables;
  if (variable !== "" && variable !== "1") return undefined;
  if (named !== named.trim()) return undefined;
  if (noStore || variable === "1") return { url, headers };
  const store = named !== "" ? named : defaultDirectory(os, (name) => variables[name]);
  return { url, headers, ...(store === undefined ? {} : { store }) };
}

/** A URL that nothing is to be said about. */
function plainUrl(text: string): URL | undefined {
  if (!/^https?:\/\/[\x21-\x7e]+$/.test(text)) return undefined;
  const url = URL.parse(text);
  if (url === null || url.username !== "" || url.password !== "" || url.port === "0") return undefined;
  url.hash = "";
  return url;
}

/** Adds a header that is right, and the only one of its name; tells whether it is. */
function addHeader(
  headers: HeaderPair[],
  text: string,
  variables: Readonly<Record<string, string>>,
): boolean {
  const environment = (name: string): VariableState => {
    const value = variables[name];
    return value === undefined ? { kind: "unset" } : { kind: "set", value };
  };
  try {
    const [name, raw] = splitHeader(text, "");
    const header: HeaderPair = [name, expandVariables(raw, environment, "").trim()];
    checkHeader(header, "");
    const same = ([other]: HeaderPair) => other.toLowerCase() === name.toLowerCase();
    if (name.toLowerCase() === "user-agent" || headers.some(same)) return false;
    headers.push(header);
    return true;
  } catch {
    return false;
  }
}
