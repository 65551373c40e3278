import type { BalanceSettings, UpstreamSettings, UpstreamSource } from "../../config/balance_settings.ts";
import { describeEndpoint } from "../../link/describe_endpoint.ts";
import { pause, untilAborted } from "../../link/pause.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { fromAddresses, fromRecords, preferred, targetOf } from "./look_up.ts";
import type { Resolver } from "./resolver.ts";

/** What is looked up: a source that is no file. */
export type LookupSource = Exclude<UpstreamSource, { kind: "file" }>;

/** What a {@linkcode watchLookup} needs. */
export interface WatchLookupOptions {
  readonly source: LookupSource;
  readonly resolver: Resolver;
  /** Whether the addresses of SRV targets are the resolver's to tell, too. */
  readonly targets: boolean;
  readonly refreshMs: BalanceSettings["dnsRefreshMs"];
  readonly logger: Logger;
  /** Told after each attempt that found other upstreams than the one before. */
  readonly changed: () => void;
  /** Ends the looking up. */
  readonly signal: AbortSignal;
}

/** A name that is looked up again and again. */
export interface WatchedLookup {
  /** Resolves after the first attempt, however it went. */
  readonly first: Promise<void>;
  /** What was found when it was last found. */
  found(): readonly UpstreamSettings[];
  /** Looks it up now. */
  reread(): void;
}

/** The wait after a first attempt that failed, in milliseconds; doubled with each one. */
const FIRST_WAIT_MS = 1000;

/** Looks a name up, and again after each {@linkcode WatchLookupOptions.refreshMs}. What fails leaves what was found before. */
export function watchLookup(options: WatchLookupOptions): WatchedLookup {
  const { source, refreshMs, logger, changed, signal } = options;
  const name = source.kind === "srv" ? source.name : hostOf(source.upstream);
  const endpoint = describeEndpoint(source.upstream.endpoint);
  const what = source.kind === "srv" ? "SRV records" : "addresses";
  let found: readonly UpstreamSettings[] = [];
  let failing = false;
  let wake = new AbortController();

  async function attempt(): Promise<void> {
    let why: string;
    try {
      const next = await find(options, name);
      if (signal.aborted) return;
      if (next.length > 0) {
        if (failing) logger.info(`the ${what} of ${name} are found again`, { endpoint });
        failing = false;
        const other = JSON.stringify(next) !== JSON.stringify(found);
        found = next;
        if (other) changed();
        return;
      }
      why = "there are none";
    } catch (error) {
      if (signal.aborted) return;
      why = error instanceof Error ? error.message : String(error);
    }
    if (!failing) {
      const before = found.length === 0 ? "none are known yet" : `those from before stay (${found.length})`;
      logger.warn(`the ${what} of ${name} can't be looked up; ${before}`, { endpoint, why });
    }
    failing = true;
  }

  async function run(told: () => void): Promise<void> {
    for (let wait = FIRST_WAIT_MS; !signal.aborted; wait = Math.min(wait * 2, refreshMs)) {
      // The system's resolver can't be told to stop.
      await untilAborted(attempt(), signal);
      told();
      if (found.length > 0) wait = refreshMs;
      const now = new AbortController();
      const stop = () => now.abort();
      if (wake.signal.aborted) now.abort();
      wake.signal.addEventListener("abort", stop, { once: true });
      signal.addEventListener("abort", stop, { once: true });
      await pause(Math.min(wait, refreshMs), now.signal);
      signal.removeEventListener("abort", stop);
      wake = new AbortController();
    }
  }

  const first = Promise.withResolvers<void>();
  void run(first.resolve).finally(first.resolve);
  return { first: first.promise, found: () => found, reread: () => wake.abort() };
}

async function find(
  { source, resolver, targets, signal }: WatchLookupOptions,
  name: string,
): Promise<UpstreamSettings[]> {
  if (source.kind === "addresses") {
    return fromAddresses(source.upstream, await resolver.addresses(name, signal));
  }
  const records = await resolver.records(name, signal);
  if (!targets) return fromRecords(source.upstream, records);
  const hosts = [...new Set(preferred(records).map(targetOf))];
  let failed: unknown;
  const addresses = new Map(
    await Promise.all(hosts.map(async (host) => {
      const list = await resolver.addresses(host, signal).catch((error) => {
        failed = error;
        return [];
      });
      return [host, list] as const;
    })),
  );
  const found = fromRecords(source.upstream, records, addresses);
  if (found.length === 0 && failed !== undefined) throw failed;
  return found;
}

function hostOf({ endpoint }: UpstreamSettings): string {
  return endpoint.kind === "http" ? endpoint.url.hostname : endpoint.kind === "tcp" ? endpoint.hostname : "";
}
