import type { BalanceSettings, UpstreamSettings } from "../config/balance_settings.ts";
import type { Message } from "../jsonrpc/message.ts";
import type { Peer } from "../link/peer.ts";
import type { ToolHints } from "../mcp/safety.ts";
import type { Logger } from "../telemetry/logger.ts";
import { balancedPool } from "./pool.ts";

/** What {@linkcode openPool} needs. */
export interface OpenPoolOptions {
  readonly balance: BalanceSettings;
  /** Makes the Peer of one upstream. */
  readonly open: (
    upstream: UpstreamSettings,
    replayed: (capabilities: Readonly<Record<string, unknown>>) => void,
  ) => Promise<Peer>;
  /** What the tool that is called says of itself. */
  readonly hintsFor: (call: Message) => ToolHints | undefined;
  readonly logger: Logger;
}

/** Makes the Peer of several upstreams, with all that comes and goes around them. */
export function openPool({ balance, open, hintsFor, logger }: OpenPoolOptions): Promise<Peer> {
  const pool = balancedPool({ ...balance, open, hintsFor, logger });
  return Promise.resolve(pool);
}
