import { EndpointError } from "./endpoint_error.ts";
import { endpointKey } from "./endpoint_key.ts";
import { type ParsedUpstream, parseUpstream } from "./parse_upstream.ts";
import type { CommandPlatform } from "./split_command_line.ts";

/** An upstream of a file, and where it stands there. */
export interface FileUpstream {
  readonly upstream: ParsedUpstream;
  /** From 1. */
  readonly line: number;
}

/** A line that is wrong. */
export interface FileProblem {
  /** From 1. */
  readonly line: number;
  /** What is wrong with it, in one line without secrets. */
  readonly message: string;
}

/**
 * Reads a file with an upstream on each line, as {@linkcode parseUpstream} takes them; empty lines and those that begin
 * with `#` are left out.
 *
 * @param check says what else is wrong with an upstream
 * @returns the upstreams, or the first line that is wrong
 */
export function parseUpstreamFile(
  text: string,
  platform: CommandPlatform,
  check: (upstream: ParsedUpstream) => string | undefined = () => undefined,
): readonly FileUpstream[] | FileProblem {
  const found: FileUpstream[] = [];
  const seen = new Map<string, number>();
  for (const [index, raw] of text.replace(/^\ufeff/, "").split(/\r\n|\n|\r/).entries()) {
    const trimmed = raw.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const line = index + 1;
    let upstream: ParsedUpstream;
    try {
      upstream = parseUpstream(trimmed, platform);
    } catch (error) {
      if (!(error instanceof EndpointError)) throw error;
      return { line, message: error.message };
    }
    const wrong = check(upstream);
    if (wrong !== undefined) return { line, message: wrong };
    const before = seen.get(upstreamKey(upstream));
    if (before !== undefined) {
      return { line, message: `the same upstream as in line ${before}; to give it more, use ;weight=N` };
    }
    seen.set(upstreamKey(upstream), line);
    found.push({ upstream, line });
  }
  return found;
}

/** What tells an upstream from all others. */
export function upstreamKey({ endpoint, lookup }: ParsedUpstream): string {
  return `${lookup?.kind ?? ""} ${endpointKey(endpoint)}`;
}
