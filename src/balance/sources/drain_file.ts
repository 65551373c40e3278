import type { UpstreamSettings } from "../../config/balance_settings.ts";
import { describeEndpoint } from "../../link/describe_endpoint.ts";
import { EndpointError } from "../../link/endpoint_error.ts";
import { endpointKey } from "../../link/endpoint_key.ts";
import { parseUpstream } from "../../link/parse_upstream.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { describeUpstream, showAddress, upstreamId } from "./describe_upstream.ts";
import { type FileState, type WatchedFile, watchFile } from "./watch_file.ts";

/** What a {@linkcode watchDrainFile} needs. */
export interface DrainFileOptions {
  readonly path: string;
  readonly logger: Logger;
  /** Told of the names in the file at first, and whenever they are others; {@linkcode isDrained} reads them. */
  readonly changed: (names: ReadonlySet<string>) => void;
  /** Ends the watching. */
  readonly signal: AbortSignal;
  /**
   * How often the file is looked at where the system tells of no changes, in milliseconds.
   * @default 5000
   */
  readonly pollMs?: number;
}

/**
 * Watches a file that names upstreams which take nothing new: one on each line, `#` for comments. While there is no such
 * file, there are none; while it can't be read, what it said before holds.
 */
export function watchDrainFile({ path, logger, changed, ...rest }: DrainFileOptions): WatchedFile {
  let last: ReadonlySet<string> | undefined;
  const seen = (state: FileState) => {
    if (state.kind === "unreadable") {
      logger.warn("--drain-file can't be read; what it said before holds", { path, why: state.why });
    }
    if (state.kind === "unreadable" && last !== undefined) return;
    const names = state.kind === "text" ? namesIn(state.text) : new Set<string>();
    if (last !== undefined && last.size === names.size && last.isSubsetOf(names)) return;
    last = names;
    changed(names);
  };
  return watchFile({ path, seen, ...rest });
}

/** The lines of a drain file, as they are and as the endpoints that they name. */
export function namesIn(text: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const raw of text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/)) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    names.add(line);
    try {
      const { endpoint } = parseUpstream(line, Deno.build.os === "windows" ? "windows" : "posix");
      names.add(endpointKey(endpoint));
    } catch (error) {
      // As the log or the status page shows it, perhaps.
      if (!(error instanceof EndpointError)) throw error;
    }
  }
  return names;
}

/**
 * Tells whether a drain file names an upstream: by its endpoint as the user wrote it or as it is shown, which means all of
 * its addresses; or by one address, alone or behind the endpoint.
 */
export function isDrained(
  names: ReadonlySet<string>,
  upstream: Pick<UpstreamSettings, "endpoint" | "address">,
): boolean {
  if (names.size === 0) return false;
  const { endpoint, address } = upstream;
  return names.has(endpointKey(endpoint)) || names.has(describeEndpoint(endpoint)) ||
    (address !== undefined &&
      (names.has(describeUpstream(upstream)) || names.has(upstreamId(upstream)) ||
        names.has(showAddress(address))));
}
