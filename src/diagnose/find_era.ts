import type { ConnectSettings } from "../config/settings.ts";
import { evidenceOf } from "../link/era/evidence.ts";
import type { Outcome, Peer } from "../link/peer.ts";
import { judgeGreeting } from "../mcp/era.ts";
import { LATEST_LEGACY_REVISION, LEGACY_REVISIONS } from "../mcp/revision.ts";
import type { Logger } from "../telemetry/logger.ts";
import { answerServer } from "./answer_server.ts";
import { type AskApartOptions, discoverApart, greetApart } from "./ask_apart.ts";
import { foreseeClients } from "./foresee_clients.ts";
import { judgeEra, type Trial } from "./judge_era.ts";
import type { ClientForecast, Era, TransportName } from "./report.ts";

/** What the handshake has shown of a server, and how to ask it more. */
export interface EraSearch {
  readonly settings: ConnectSettings;
  readonly logger: Logger;
  /** The wire that was used. */
  readonly transport: TransportName;
  /** What our own handshake came to. */
  readonly handshake: Outcome;
  /** What came of `initialize` before anything was translated, where that is known apart. */
  readonly greeting: Outcome | undefined;
  /** What came of `server/discover`, where the handshake needed it. */
  readonly discovery: Outcome | undefined;
  /** The legacy revision of the session; `undefined` when there was none. */
  readonly answered: string | undefined;
  /** The connection failed: there is no point in asking more. */
  readonly failed: boolean;
  /** How long the handshake took, in milliseconds. */
  readonly handshakeMs: number;
  /** How long the end of a wire may take, in milliseconds. */
  readonly closeMs: number;
  /** Opens the wire anew, with no translation in between. */
  readonly open: () => Promise<Peer>;
}

/** How long a question may take that only the era hangs on, in milliseconds. */
const ASK_MS = 5000;

/**
 * Finds the era out as far as the handshake has not, and what follows from it. What is asked for that is asked on
 * connections of their own: on one that `initialize` began, a server of both eras may speak as a legacy one only
 * (S/2026-07-28/basic/versioning), and a legacy one may end at what it does not know. A command is started once more at
 * most, so what it makes of each revision is left to the rules.
 */
export async function findEra(
  search: EraSearch,
): Promise<{ era: Era; clients: readonly ClientForecast[] }> {
  const { settings, transport, answered, logger } = search;
  const { protocol } = settings;
  const withinMs = Math.min(ASK_MS, settings.timeoutMs);
  const apart: AskApartOptions = {
    open: search.open,
    withinMs,
    closeMs: search.closeMs,
    receive: (peer) => (message) => void answerServer(peer, message, logger),
  };

  const greeting: Trial | string = protocol === "modern" ? "--protocol modern was given" : {
    // Over HTTP+SSE nothing is translated; what is known apart is the refusal that led there.
    outcome: transport === "sse" ? search.handshake : search.greeting ?? search.handshake,
    withinMs: settings.timeoutMs,
  };
  const limit = protocol === "auto"
    ? transport === "sse" && answered === undefined ? "--transport sse" : undefined
    : `--protocol ${protocol}`;
  const discovery = await discover();
  const era = judgeEra({ greeting, discovery, duplex: transport !== "http" });
  const tried = new Map<string, Outcome>();
  if (answered !== undefined && !search.failed && transport !== "stdio" && !era.open) await tryRevisions();
  const clients = foreseeClients({ era, limit, answered, tried });
  return { era: { name: era.name, why: era.why }, clients };

  async function discover(): Promise<Trial | string | undefined> {
    if (protocol === "legacy") return "--protocol legacy was given";
    if (transport === "sse") return "HTTP+SSE is of the legacy era";
    if (protocol === "modern") {
      return { outcome: search.discovery ?? search.handshake, withinMs: settings.timeoutMs };
    }
    if (search.discovery !== undefined) return { outcome: search.discovery, withinMs };
    if (answered === undefined) {
      // The time was over before the answer came.
      const cutShort = search.handshake.kind === "cancelled" && search.greeting !== undefined &&
        judgeGreeting(evidenceOf(search.greeting)) === "ask";
      return cutShort ? { outcome: search.handshake, withinMs: settings.timeoutMs } : undefined;
    }
    if (search.failed) return undefined;
    // A command has to start first.
    const ms = transport === "stdio" ? Math.min(ASK_MS + search.handshakeMs, settings.timeoutMs) : withinMs;
    return { outcome: await discoverApart({ ...apart, withinMs: ms }), withinMs: Math.round(ms / 100) * 100 };
  }

  /** Asks for the other legacy revisions, the newest first, until something else than the server answers. */
  async function tryRevisions(): Promise<void> {
    for (const revision of [...LEGACY_REVISIONS].reverse()) {
      if (revision === LATEST_LEGACY_REVISION) continue;
      const outcome = await greetApart(revision, apart);
      if (judgeGreeting(evidenceOf(outcome)) === "silent") return;
      tried.set(revision, outcome);
    }
  }
}
