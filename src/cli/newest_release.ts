import { type Failure, failure } from "../link/failure.ts";
import { explainFetch } from "../link/http/explain.ts";
import { PACKAGE, USER_AGENT, VERSION } from "../version.ts";
import { compareVersions, parseVersion } from "./compare_versions.ts";

/** Where the releases are listed, as JSR does it; tests name another place in {@linkcode RELEASES_VARIABLE}. */
export const RELEASES: string = `https://jsr.io/${PACKAGE}/meta.json`;

/** The environment variable that names another list of releases: of a mirror, or for tests. */
export const RELEASES_VARIABLE = "MCP_CONNECT_RELEASES";

/** The most of the list that is read, in bytes. */
const MOST_BYTES = 1 << 20;

/** What is known of the newest release. */
export type NewestRelease =
  /** This version is it, or comes after it. */
  | { readonly kind: "current"; readonly latest: string }
  | { readonly kind: "newer"; readonly latest: string }
  | { readonly kind: "unknown"; readonly failure: Failure };

/** What a list of releases (JSR's `meta.json`) means for a version; undefined when it is no such list. */
export function judgeReleases(present: string, list: unknown): NewestRelease | undefined {
  const latest = (list as { latest?: unknown } | null)?.latest;
  if (typeof latest !== "string") return undefined;
  const [mine, theirs] = [parseVersion(present), parseVersion(latest)];
  if (mine === undefined || theirs === undefined) return undefined;
  return { kind: compareVersions(mine, theirs) < 0 ? "newer" : "current", latest };
}

/**
 * Asks for the newest release: one request, through the environment's proxy. Never prompts, never throws.
 *
 * @param address where the list is
 * @param boundMs how long it may take, in milliseconds
 */
export async function askForNewest(address: string, boundMs: number): Promise<NewestRelease> {
  const unknown = (it: Failure): NewestRelease => ({ kind: "unknown", failure: it });
  if (!URL.canParse(address)) {
    return unknown(
      failure("UNREACHABLE", address, "that is no address", `set ${RELEASES_VARIABLE} to a URL`),
    );
  }
  const { host, hostname, port, protocol } = new URL(address);
  const missing = `${hostname}:${port || (protocol === "http:" ? "80" : "443")}`;
  if (Deno.permissions.querySync({ name: "net", host: missing }).state !== "granted") {
    return unknown(
      failure("PERMISSION", address, `Deno's permission --allow-net=${missing} is missing`, `run with it`),
    );
  }
  const signal = AbortSignal.timeout(boundMs);
  try {
    using client = Deno.createHttpClient({ http2: false });
    const headers = { "accept": "application/json", "user-agent": USER_AGENT };
    const response = await fetch(address, { client, headers, signal });
    if (!response.ok) {
      await response.body?.cancel();
      return unknown(failure("REFUSED", address, `${host} answered with status ${response.status}`, ""));
    }
    const text = await readAtMost(response, MOST_BYTES);
    return judgeReleases(VERSION, text === undefined ? undefined : parse(text)) ??
      unknown(
        failure("NOT_MCP", address, `${host} answered with something else than a list of releases`, ""),
      );
  } catch (error) {
    if (signal.aborted) {
      return unknown(
        failure("CONNECT_TIMEOUT", address, `${host} did not answer within ${boundMs / 1000} s`, ""),
      );
    }
    const { code, message, hint } = explainFetch(error, address).failure;
    if (code === "PERMISSION") return unknown(failure(code, address, message, hint));
    return unknown(failure(code, address, `${host} can't be reached: ${message}`, "is this machine online?"));
  }
}

/** A response's text; undefined when it is longer than that, and then the rest is not read. */
async function readAtMost(response: Response, bytes: number): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = "";
  let left = bytes;
  for await (const chunk of response.body ?? []) {
    left -= chunk.length;
    if (left < 0) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
