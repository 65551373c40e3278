import type { BalanceSettings } from "../config/balance_settings.ts";
import type { ConnectSettings } from "../config/settings.ts";
import { stdioFace } from "../face/stdio_face.ts";
import { Message } from "../jsonrpc/message.ts";
import { describeEndpoint } from "../link/describe_endpoint.ts";
import { pause, within } from "../link/pause.ts";
import type { Peer } from "../link/peer.ts";
import type { HeadStart } from "../start/head_start.ts";
import type { Logger, LogRecord } from "../telemetry/logger.ts";
import { mcpLevelAtLeast } from "../mcp/log_levels.ts";
import { toLogNotification, toMcpLevel } from "../telemetry/mcp_log.ts";
import { type Bridge, createBridge } from "./bridge.ts";
import { watchEnds } from "./ends.ts";
import { serverLogs } from "../upstream/session.ts";
import { openUpstream, type PoolTools } from "../upstream/open_upstream.ts";

/** How long what is in flight may take once we are told to end, in milliseconds. Hosts kill two seconds after asking. */
const HURRIED_DRAIN_MS = 500;
/** How long closing sessions and children may take, in milliseconds. */
const CLOSE_MS = 6000;
/** How long a client that wants us gone may take to read the last answers, in milliseconds. */
const HURRIED_FLUSH_MS = 1000;

/**
 * Joins the client on our stdin and stdout to the server, until either the client ends it or we are told to.
 *
 * @param bound told once that Deno's permission for foreign functions is of no use any more
 * @param headStart what has been done for the client already
 * @returns the exit code
 */
export async function runProxy(
  settings: ConnectSettings,
  logger: Logger,
  bound?: () => void,
  headStart?: HeadStart,
): Promise<number> {
  const endpoint = describeEndpoint(settings.endpoint);
  const begun = headStart?.handOver();
  if (begun?.sent === undefined) warmUp(settings);
  const face = stdioFace({
    read: begun?.read ?? ((buffer) => Deno.stdin.read(buffer)),
    write: begun?.write ?? ((bytes) => Deno.stdout.write(bytes)),
    ...(begun?.told !== undefined && { told: begun.told }),
    endpoint,
    maxMessageSize: settings.maxMessageSize,
    logger,
  });
  const leaving = new AbortController();
  const upstream = await openUpstream({
    settings,
    logger,
    session: () => bridge.session,
    leaving: leaving.signal,
    ...(begun?.sent && { ahead: begun.sent }),
    ...(settings.balance && { openPool: await poolOpener(settings.balance, settings, logger) }),
  });
  const peer = await filtered(upstream, settings, endpoint);
  const bridge: Bridge = createBridge({ ...settings, peer, endpoint, logger, debug: settings.log.debug });
  const untap = logger.tap((record) => tellClient(bridge, record, settings.log.debug));

  const ends = watchEnds(logger, bound, begun?.caught);
  const served = face.serve(bridge).then(() => "the client closed stdin");
  face.gone.addEventListener("abort", () => ends.end("the client closed stdout"));
  begun?.telling?.catch(() => ends.end("the client closed stdout"));
  // What was begun is taken over before anything can end it: there is a session to be ended too.
  if (begun?.sent !== undefined) await pause(0);
  const first = await Promise.race([served, ends.ended]);
  logger.debug("ending", { why: first });
  leaving.abort();
  // A client that has only stopped talking may still read; one that is gone, or wants us gone, won't wait.
  const hurried = ends.hurried();
  await Promise.race([
    bridge.drain(hurried ? HURRIED_DRAIN_MS : settings.drainTimeoutMs),
    ends.ended.then(() => bridge.drain(HURRIED_DRAIN_MS)),
  ]);
  untap();
  const flushed = Promise.all([begun?.telling, face.flush()]);
  await Promise.all([
    within(bridge.close(), CLOSE_MS),
    Promise.race([
      within(flushed, hurried ? HURRIED_FLUSH_MS : Math.max(HURRIED_FLUSH_MS, settings.drainTimeoutMs)),
      ends.ended.then(() => within(flushed, HURRIED_FLUSH_MS)),
    ]),
  ]);
  ends.stop();
  return 0;
}

async function poolOpener(
  balance: BalanceSettings,
  { transport }: ConnectSettings,
  logger: Logger,
): Promise<(tools: PoolTools) => Promise<Peer>> {
  const { openPool } = await import("../balance/open_pool.ts");
  return (tools) => openPool({ ...tools, balance, transport, logger });
}

async function filtered(peer: Peer, settings: ConnectSettings, endpoint: string): Promise<Peer> {
  const { allowTools: allow, ignoreTools: ignore } = settings;
  if (allow.length + ignore.length === 0) return peer;
  const { toolFilter } = await import("./tool_filter.ts");
  return toolFilter({ allow, ignore, endpoint })(peer);
}

/** The first TLS connection computes for 40 ms: off this thread, while the program still loads and connects. */
function warmUp({ endpoint }: ConnectSettings): void {
  if (endpoint.kind !== "http" || endpoint.url.protocol !== "https:") return;
  crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"]).catch(() => {});
}

/**
 * Hands a record of our log to the client, as far as the revision and the client allow: after `initialized`, where
 * logging was declared, at the level the client asked for (S/2025-11-25/server/utilities/logging).
 */
function tellClient({ ready, session, tell }: Bridge, record: LogRecord, debug: boolean): void {
  if (!ready || !(debug || serverLogs(session))) return;
  const level = session.logLevel ?? (debug ? "debug" : "warning");
  if (mcpLevelAtLeast(toMcpLevel(record.level), level)) tell(Message.fromText(toLogNotification(record)));
}
