import { Message } from "../../jsonrpc/message.ts";
import { judgeDiscovery, judgeGreeting, judgeProbe } from "../../mcp/era.ts";
import { MODERN_REVISION } from "../../mcp/modern.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { openExchange } from "../exchange.ts";
import { type Failure, failure } from "../failure.ts";
import { pause } from "../pause.ts";
import type { Exchange, Layer, Outcome, Peer, PeerListener, RequestOptions } from "../peer.ts";
import { type EraMemory, newEraMemory } from "./era_memory.ts";
import { evidenceOf } from "./evidence.ts";
import type { ModernPeer } from "./legacy_to_modern.ts";

/** What an {@linkcode eraLayer} needs. */
export interface EraOptions {
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  /** The name of a server that does not give its own. */
  readonly host: string;
  /** The wire is one connection: a cancellation is a message there, and elsewhere the end of the stream. */
  readonly duplex: boolean;
  readonly logger: Logger;
  /**
   * `auto` finds the server's era out; the others are what the user knows of it.
   * @default "auto"
   */
  readonly protocol?: Protocol;
  /**
   * How long a server that has refused `initialize` may take to answer `server/discover`, in milliseconds.
   * @default 5000
   */
  readonly discoverMs?: number;
  /**
   * What was found out at this endpoint before, and is now; shared by the layers of one endpoint, one after the other.
   * @default nothing
   */
  readonly memory?: EraMemory;
  /** Told what came of each request that was to tell the era. */
  readonly evidence?: (asked: "initialize" | "server/discover", outcome: Outcome) => void;
}

/** What only a modern server needs is loaded when one is met. */
async function translation() {
  const [peer, discover, envelope, headers] = await Promise.all([
    import("./legacy_to_modern.ts"),
    import("../../mcp/discover.ts"),
    import("../../mcp/envelope.ts"),
    import("../../mcp/mcp_headers.ts"),
  ]);
  const { withEnvelope, readClientFacts } = envelope;
  return {
    ...peer,
    ...discover,
    ...envelope,
    ...headers,
    discoverRequest(id: string, initialize: Message): Message {
      const plain = Message.fromText(`{"jsonrpc":"2.0","id":${id},"method":"server/discover"}`);
      return withEnvelope(plain, readClientFacts(initialize));
    },
  };
}

/** Which era a server is spoken to in. */
export type Protocol = "auto" | "legacy" | "modern";

const DISCOVER_MS = 5000;

/**
 * A layer that lets a client of the legacy era speak to a server of either: the client's own `initialize` finds out
 * which it is. A legacy server costs nothing more, and its messages pass untouched; for a modern one they are translated.
 * What was found out is remembered as long as the layer lives, and found out again when the server contradicts it.
 */
export function eraLayer(options: EraOptions): Layer {
  const { protocol = "auto" } = options;
  return protocol === "legacy" ? (next) => next : (next) => translating(options, next);
}

function translating(options: EraOptions, next: Peer): Peer {
  const { endpoint, logger, duplex, discoverMs = DISCOVER_MS } = options;
  const always = options.protocol === "modern";
  const memory = options.memory ?? newEraMemory();
  let listener: PeerListener | undefined;
  /** Speaks to the modern server; `undefined` while it is legacy, or not known. */
  let modern: ModernPeer | undefined;
  /** The server behind the present connection, where there is one, is of the legacy era, and stays so. */
  let legacy = false;
  /** Counts greetings: only the last one says who is spoken to. */
  let generation = 0;
  /** What was sent after a greeting whose answer says how to send it; `undefined` when nothing has to wait. */
  let held: (() => void)[] | undefined;
  /** The connection has ended of `server/discover`, which not all servers bear. */
  let endedOfIt = false;
  // No client's ids are like these.
  const mark = crypto.randomUUID().slice(0, 8);
  let lastId = 0;
  const newId = (what: string) => `"mcp-connect-${what}-${mark}-${++lastId}"`;
  const sent = new WeakSet<Message>();

  function greet(initialize: Message, requestOptions?: RequestOptions): Exchange {
    const mine = ++generation;
    modern?.end(failure("SESSION_LOST", endpoint, "the client has begun a new session"));
    modern = undefined;
    if (legacy) return next.request(initialize, requestOptions);
    let present: Exchange | undefined;
    const exchange = openExchange((notice) => {
      present?.cancel(notice);
      release();
    }, () => present?.held === true);
    held ??= [];
    if (always || (memory.modern === true && memory.legacy !== true)) discover();
    else greetAsLegacy();
    return exchange;

    /** @param asked the server has been asked for the other era already */
    function greetAsLegacy(asked = false): void {
      present = next.request(initialize, requestOptions);
      present.whenOver((outcome) => {
        options.evidence?.("initialize", outcome);
        const verdict = judgeGreeting(evidenceOf(outcome));
        if (verdict === "ask" && !asked) return discover(outcome);
        if (verdict === "legacy") {
          legacy = duplex;
          memory.legacy = true;
        }
        over(outcome);
      });
    }

    /**
     * @param refused what `initialize` was refused with; nothing is bounded or hidden when there was none
     * @param again the server has said before that it is modern, and yet refused
     */
    function discover(refused?: Outcome, again = false): void {
      const withinMs = refused === undefined ? undefined : discoverMs;
      void discoverModern(initialize, requestOptions, withinMs, (asked) => {
        present = asked;
        if (exchange.settled) return asked.cancel();
        if (refused === undefined && duplex && !always) void doubt(asked);
        asked.whenOver((found) => discovered(found, refused, again));
      });
    }

    /** Over one connection silence may be an answer: a legacy server that has taken the modern one's place. */
    async function doubt(asked: Exchange): Promise<void> {
      const stop = new AbortController();
      asked.whenOver(() => stop.abort());
      if (!await pause(discoverMs, stop.signal) || exchange.settled) return;
      // One that is only slow to start answers what it was asked first.
      const second = next.request(initialize, requestOptions);
      exchange.whenOver(() => second.cancel());
      second.whenOver((outcome) => {
        if (exchange.settled || judgeGreeting(evidenceOf(outcome)) !== "legacy") return;
        legacy = true;
        memory.legacy = true;
        memory.modern = false;
        over(outcome);
        asked.cancel();
      });
    }

    function discovered(found: Outcome, refused: Outcome | undefined, again: boolean): void {
      endedOfIt = duplex && refused !== undefined && found.kind === "lost";
      if (exchange.settled) return;
      options.evidence?.("server/discover", found);
      const verdict = judgeDiscovery(evidenceOf(found));
      // An error that only modern servers know (S/2026-07-28/basic/versioning): the question is put once more.
      const onceMore = verdict !== "modern" && judgeProbe(evidenceOf(found)) === "modern" && !again;
      if (onceMore) return discover(refused, true);
      logger.debug("asked for the modern era", { endpoint, outcome: found.kind, verdict });
      if (verdict === "modern" && found.kind === "answered") {
        memory.modern = true;
        if (refused !== undefined) memory.legacy = false;
        return void goModern(found.message);
      }
      if (verdict === "other") memory.modern = false;
      if (refused !== undefined) return over(!duplex && isPassing(found) ? asOutcome(found) : refused);
      if (always) return over(verdict === "other" ? notModern(found) : asOutcome(found));
      // It was modern the last time: it may have become another, or be in trouble.
      if (verdict === "silent" && !(duplex && found.kind === "lost")) return over(asOutcome(found));
      memory.modern = false;
      greetAsLegacy(true);
    }

    async function goModern(found: Message): Promise<void> {
      const { initializeResult, modernPeer, readClientFacts } = await translation();
      if (exchange.settled) return;
      logger.debug("the server is of the modern era: messages are translated", { endpoint });
      const answer = initializeResult(initialize, found, options.host);
      if (mine === generation) {
        const client = readClientFacts(initialize);
        modern = modernPeer({
          ...options,
          next,
          client,
          shown: answer,
          newId,
          sent,
          renegotiate: () => renegotiate(initialize),
        });
        if (listener !== undefined) modern.listen(listener);
      }
      over({ kind: "answered", message: answer });
    }

    function over(outcome: Outcome): void {
      exchange.settle(outcome);
      release();
    }

    function release(): void {
      if (mine !== generation) return;
      const those = held ?? [];
      held = undefined;
      for (const send of those) send();
    }
  }

  /** Sends `server/discover`; the outcome is `cancelled` when the answer does not come in time. */
  async function discoverModern(
    initialize: Message,
    requestOptions: RequestOptions | undefined,
    withinMs: number | undefined,
    begun: (exchange: Exchange) => void,
  ): Promise<void> {
    const { discoverRequest, modernHeaders } = await translation();
    const ask = discoverRequest(newId("discover"), initialize);
    const exchange = next.request(ask, {
      ...requestOptions,
      headers: modernHeaders(ask),
      final: true,
      fresh: true,
    });
    begun(exchange);
    if (withinMs === undefined) return;
    const over = new AbortController();
    exchange.whenOver(() => over.abort());
    void pause(withinMs, over.signal).then((late) => late && exchange.cancel());
  }

  /** What a request's failure is whose server does not know the revision any more; `undefined` when it does. */
  let renegotiating: Promise<Outcome | undefined> | undefined;
  function renegotiate(initialize: Message): Promise<Outcome | undefined> {
    return renegotiating ??= ask().finally(() => renegotiating = undefined);

    async function ask(): Promise<Outcome | undefined> {
      const found = await new Promise<Outcome>((resolve) => {
        void discoverModern(initialize, undefined, discoverMs, (asked) => asked.whenOver(resolve));
      });
      const verdict = judgeDiscovery(evidenceOf(found));
      if (verdict === "modern") return undefined;
      const why = failure(
        "SESSION_LOST",
        endpoint,
        `the server does not speak revision ${MODERN_REVISION} any more`,
      );
      // Whatever stands in the way, the request itself surely did not run.
      if (verdict === "silent" && found.kind !== "cancelled") {
        return found.kind === "lost" ? { kind: "not_sent", failure: found.failure } : asOutcome(found);
      }
      memory.modern = false;
      return lost(why);
    }
  }

  function notModern(found: Outcome): Outcome {
    const answer = evidenceOf(found).answer;
    const said = answer?.textOf("error")?.slice(0, 300);
    const why = failure(
      "NOT_MCP",
      endpoint,
      `the server does not speak revision ${MODERN_REVISION}${said === undefined ? "" : `; it says ${said}`}`,
      "leave --protocol modern out",
    );
    return { kind: "refused", failure: why, status: undefined, answer: undefined };
  }

  /** Sends when it is known how. */
  function requestLater(message: Message, requestOptions?: RequestOptions): Exchange {
    let later: Exchange | undefined;
    const exchange = openExchange(
      (notice) => later?.cancel(notice),
      () => later?.held ?? later === undefined,
    );
    held!.push(() => {
      if (exchange.settled) return;
      later = (modern ?? next).request(message, requestOptions);
      later.whenOver(exchange.settle);
    });
    return exchange;
  }

  function notifyLater(message: Message): Promise<Failure | undefined> {
    return new Promise((resolve) => {
      held!.push(() => void (modern ?? next).notify(message).then(resolve));
    });
  }

  return {
    ...next,
    request(message, requestOptions) {
      if (message.method === "initialize") return greet(message, requestOptions);
      if (held !== undefined) return requestLater(message, requestOptions);
      return (modern ?? next).request(message, requestOptions);
    },
    notify(message, notifyOptions) {
      if (held !== undefined && !message.isAnswer) return notifyLater(message);
      return (modern ?? next).notify(message, notifyOptions);
    },
    listen(it) {
      listener = it;
      modern?.listen(it);
      next.listen({
        ...it,
        receive: (message) => modern === undefined ? it.receive(message) : modern.receive(message),
        closed(why) {
          // Another process, or whatever listens there then, may be of the other era.
          legacy = false;
          modern?.end(why);
          if (endedOfIt) logger.debug("the connection ended of server/discover", { endpoint });
          else it.closed?.(why);
          endedOfIt = false;
        },
      });
    },
    wake() {
      if (modern === undefined) next.wake?.();
      else modern.wake?.();
    },
    async close() {
      modern?.end(failure("SHUTTING_DOWN", endpoint, "the connection was closed by this program"));
      await next.close();
    },
  };
}

function lost(why: Failure): Outcome {
  return { kind: "session_unknown", failure: why, status: undefined, answer: undefined };
}

/** What stands in the way of `server/discover` stands in the way of everything: over HTTP, where it is no one's era. */
function isPassing(outcome: Outcome): boolean {
  if (outcome.kind === "answered" || outcome.kind === "cancelled") return false;
  return outcome.kind !== "refused" ||
    (outcome.status !== undefined && judgeDiscovery(evidenceOf(outcome)) === "silent");
}

/** The outcome of a request of ours as that of another: an answer in it is not that request's. */
function asOutcome(outcome: Outcome): Outcome {
  return "answer" in outcome ? { ...outcome, answer: undefined } : outcome;
}
