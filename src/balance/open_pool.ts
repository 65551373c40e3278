import type { BalanceSettings } from "../config/balance_settings.ts";
import type { TransportChoice } from "../config/settings.ts";
import type { Peer } from "../link/peer.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { PoolTools } from "../upstream/open_upstream.ts";
import { rotateDrain } from "./rotate_drain.ts";
import { type BalancedPool, balancedPool } from "./pool.ts";
import type { StatusServer } from "./status/status_server.ts";

/** What {@linkcode openPool} needs. */
export interface OpenPoolOptions extends PoolTools {
  readonly balance: BalanceSettings;
  /** That of upstreams which a file will name. */
  readonly transport: TransportChoice;
  readonly logger: Logger;
}

/**
 * Makes the Peer of several upstreams, with all that comes and goes around them: files and names that they come from, what
 * is drained, and the status page. What none of the upstreams needs is not loaded.
 */
export async function openPool(options: OpenPoolOptions): Promise<Peer> {
  const { balance, open, hintsFor, dispute, logger, transport } = options;
  const closing = new AbortController();
  const { signal } = closing;
  const found = Promise.withResolvers<void>();
  const isWatched = balance.sources.length > 0;
  const pool = balancedPool({
    ...balance,
    upstreams: isWatched ? [] : balance.upstreams,
    ...(isWatched && { ready: found.promise }),
    open,
    hintsFor,
    dispute,
    logger,
  });
  const rereads: (() => void)[] = [];

  if (isWatched) {
    const { watchSources } = await import("./sources/watch_sources.ts");
    const sources = watchSources({ balance, transport, logger, changed: pool.setUpstreams, signal });
    void sources.first.then((upstreams) => {
      pool.setUpstreams(upstreams);
      found.resolve();
    });
    rereads.push(sources.reread);
  }
  if (balance.drainFile !== undefined) {
    const { watchDrainFile } = await import("./sources/drain_file.ts");
    const file = watchDrainFile({
      path: balance.drainFile,
      logger,
      changed: (names) => pool.setDraining("file", names),
      signal,
    });
    rereads.push(file.reread);
  }
  const ignore = onDrainSignal(pool, rereads, logger);
  const status = startStatus(pool, balance, logger);

  return {
    ...pool,
    async close() {
      closing.abort();
      ignore();
      await Promise.all([pool.close(), status.then((it) => it?.close())]);
    },
  };
}

/**
 * SIGUSR2 has the files looked at now; without any, it drains one upstream after the other, each until the next signal.
 *
 * @returns what ends the listening
 */
function onDrainSignal(pool: BalancedPool, rereads: readonly (() => void)[], logger: Logger): () => void {
  if (Deno.build.os === "windows") return () => {};
  const handle = () => {
    if (rereads.length > 0) {
      logger.info("got SIGUSR2: what is drained is looked up");
      for (const reread of rereads) reread();
    } else rotateDrain(pool, logger);
  };
  Deno.addSignalListener("SIGUSR2", handle);
  return () => Deno.removeSignalListener("SIGUSR2", handle);
}

/** A page that can't be served is no reason to serve nobody: several copies of this program may share the options. */
async function startStatus(
  pool: BalancedPool,
  { status }: BalanceSettings,
  logger: Logger,
): Promise<StatusServer | undefined> {
  if (status === undefined) return undefined;
  try {
    const { startStatusServer } = await import("./status/status_server.ts");
    const server = await startStatusServer({ ...status, snapshot: pool.snapshot, logger });
    logger.warn("the status page is served", { url: server.url });
    return server;
  } catch (error) {
    logger.warn(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}
