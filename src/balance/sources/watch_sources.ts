import type { BalanceSettings, UpstreamSettings } from "../../config/balance_settings.ts";
import type { TransportChoice } from "../../config/settings.ts";
import { endpointKey } from "../../link/endpoint_key.ts";
import type { ParsedUpstream } from "../../link/parse_upstream.ts";
import { parseUpstreamFile } from "../../link/parse_upstream_file.ts";
import { within } from "../../link/pause.ts";
import { transportMisfit } from "../../link/transport_misfit.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { upstreamId } from "./describe_upstream.ts";
import { createResolver } from "./resolver.ts";
import { type FileState, type WatchedFile, watchFile } from "./watch_file.ts";
import { type LookupSource, type WatchedLookup, watchLookup } from "./watch_lookup.ts";

/** What a {@linkcode watchSources} needs. */
export interface WatchSourcesOptions {
  readonly balance: BalanceSettings;
  /** That of upstreams which a file will name. */
  readonly transport: TransportChoice;
  readonly logger: Logger;
  /** Told of all upstreams whenever they are others than before. */
  readonly changed: (upstreams: readonly UpstreamSettings[]) => void;
  /** Ends the watching. */
  readonly signal: AbortSignal;
  /**
   * How often a file is looked at where the system tells of no changes, in milliseconds.
   * @default 5000
   */
  readonly pollMs?: number;
}

/** Upstreams that come and go. */
export interface WatchedSources {
  /** Those that are there at first; none where nothing could be looked up yet. */
  readonly first: Promise<readonly UpstreamSettings[]>;
  /** Looks at all files and names now. */
  reread(): void;
  /** Resolves when the files are not watched any more and nothing of it goes on. */
  ended(): Promise<void>;
}

/** How long what is new may take to be looked up before the rest is used without it, in milliseconds. */
const FIRST_LOOKUP_MS = 5000;

/** A file's place among the sources, and what it said when it last was right. */
interface FileSource {
  readonly path: string;
  parts: readonly Part[];
  watched: WatchedFile | undefined;
  /** Counts its readings: the latest wins. */
  turn: number;
}

/** An upstream, or a name that several are found by. */
type Part = UpstreamSettings | LookupSource;

/**
 * Watches where upstreams come from: those that were named, then those of the sources in their order, each once. A file
 * that is wrong, and a name that is not found, leave what they said before; of a file with names, nothing changes until
 * those have been looked up.
 */
export function watchSources(options: WatchSourcesOptions): WatchedSources {
  const { balance, logger, changed, signal } = options;
  const resolver = createResolver(balance.dnsServer);
  const lookups = new Map<string, WatchedLookup & { readonly stop: AbortController }>();
  const files = new Map<string, FileSource>();
  for (const source of balance.sources) {
    if (source.kind === "file") {
      files.set(source.path, { path: source.path, parts: [], watched: undefined, turn: 0 });
    }
  }
  let last: string | undefined;

  /** Everything as it is said at present, in order. */
  const parts = (): Part[] => [
    ...balance.upstreams,
    ...balance.sources.flatMap((source) => source.kind === "file" ? files.get(source.path)!.parts : [source]),
  ];

  function union(): UpstreamSettings[] {
    const found = new Map<string, UpstreamSettings>();
    for (const part of parts()) {
      const upstreams = isLookup(part) ? lookups.get(lookupKey(part))?.found() ?? [] : [part];
      for (const upstream of upstreams) {
        const id = upstreamId(upstream);
        if (!found.has(id)) found.set(id, upstream);
      }
    }
    return [...found.values()];
  }

  function tell(): void {
    if (last === undefined || signal.aborted) return;
    const upstreams = union();
    const now = fingerprint(upstreams);
    // Nothing at all is no better than what was there.
    if (now === last || upstreams.length === 0) return;
    last = now;
    changed(upstreams);
  }

  /** Looks up what is to be, and resolves once all of it has been, or that takes too long. */
  function lookUp(wanted: readonly Part[]): Promise<unknown> {
    const all = wanted.filter(isLookup).map((source) => {
      const key = lookupKey(source);
      const known = lookups.get(key);
      if (known !== undefined) return known;
      const stop = new AbortController();
      const started = watchLookup({
        source,
        resolver,
        targets: balance.dnsServer !== undefined,
        refreshMs: balance.dnsRefreshMs,
        logger,
        changed: tell,
        signal: stop.signal,
      });
      lookups.set(key, { ...started, stop });
      return started;
    });
    return within(Promise.all(all.map(({ first }) => first)), FIRST_LOOKUP_MS);
  }

  /** Stops looking up what nobody names any more. */
  function forget(): void {
    const wanted = new Set(parts().filter(isLookup).map(lookupKey));
    for (const [key, { stop }] of lookups) {
      if (wanted.has(key)) continue;
      stop.abort();
      lookups.delete(key);
    }
  }

  async function take(file: FileSource, state: FileState): Promise<void> {
    const read = readParts(state, options);
    if ("why" in read) {
      logger.warn(
        `--endpoints-file ${read.why}; ${
          file.parts.length === 0 ? "it names none so far" : "its upstreams from before stay"
        }`,
        { path: file.path },
      );
      return;
    }
    if (["round-robin", "sticky"].includes(balance.policy) && read.parts.some((it) => weightOf(it) !== 1)) {
      logger.warn(`weights in --endpoints-file have no effect with --policy ${balance.policy}`, {
        path: file.path,
      });
    }
    const turn = ++file.turn;
    await lookUp(read.parts);
    if (turn !== file.turn || signal.aborted) return;
    file.parts = read.parts;
    forget();
    tell();
  }

  async function begin(): Promise<readonly UpstreamSettings[]> {
    const begun = new Map<FileSource, Promise<void>>();
    for (const file of files.values()) {
      file.watched = watchFile({
        path: file.path,
        seen: (state) => void begun.set(file, take(file, state)),
        signal,
        ...(options.pollMs === undefined ? {} : { pollMs: options.pollMs }),
      });
    }
    const named = lookUp(balance.sources.filter((it) => it.kind !== "file"));
    await Promise.all([...files.values()].map(({ watched }) => watched?.first));
    await Promise.all([named, ...begun.values()]);
    const upstreams = signal.aborted ? [] : union();
    last = fingerprint(upstreams);
    return upstreams;
  }

  signal.addEventListener("abort", () => {
    for (const { stop } of lookups.values()) stop.abort();
  }, { once: true });
  return {
    first: signal.aborted ? Promise.resolve([]) : begin(),
    reread() {
      for (const { watched } of files.values()) watched?.reread();
      for (const { reread } of lookups.values()) reread();
    },
    async ended() {
      await Promise.all([...files.values()].map(({ watched }) => watched?.ended));
    },
  };
}

/** What a file says, or why that can't be used. */
function readParts(
  state: FileState,
  { transport }: WatchSourcesOptions,
): { readonly parts: readonly Part[] } | { readonly why: string } {
  if (state.kind === "missing") return { why: "is not there any more" };
  if (state.kind === "unreadable") return { why: `can't be read (${state.why})` };
  const platform = Deno.build.os === "windows" ? "windows" : "posix";
  const found = parseUpstreamFile(state.text, platform, ({ endpoint }) => {
    const misfit = transportMisfit(transport, endpoint);
    return misfit === undefined ? undefined : `--transport ${transport} ${misfit}`;
  });
  if ("message" in found) return { why: `line ${found.line}: ${found.message}` };
  if (found.length === 0) return { why: "names no upstream" };
  return { parts: found.map(({ upstream }) => partOf(upstream, transport)) };
}

function partOf({ endpoint, weight, drain, lookup }: ParsedUpstream, transport: TransportChoice): Part {
  const upstream = { endpoint, transport, weight, drain };
  return lookup === undefined ? upstream : { ...lookup, upstream };
}

function isLookup(part: Part): part is LookupSource {
  return "upstream" in part;
}

function weightOf(part: Part): number {
  return isLookup(part) ? part.upstream.weight : part.weight;
}

/** What is looked up, and what is said of all that is found. */
function lookupKey({ kind, upstream: { endpoint, weight, drain } }: LookupSource): string {
  return [kind, weight, drain, endpointKey(endpoint)].join(" ");
}

/** Two lists have the same one if nothing would be done differently. */
function fingerprint(upstreams: readonly UpstreamSettings[]): string {
  return JSON.stringify(upstreams.map((it) => [upstreamId(it), it.transport, it.weight, it.drain]));
}
