import { errorAnswer, request as newRequest, resultAnswer } from "../../jsonrpc/answers.ts";
import type { Id } from "../../jsonrpc/id.ts";
import type { Message } from "../../jsonrpc/message.ts";
import type { EraMemory } from "../../link/era/era_memory.ts";
import { evidenceOf } from "../../link/era/evidence.ts";
import { openExchange, settledExchange } from "../../link/exchange.ts";
import { type Failure, failure } from "../../link/failure.ts";
import { within } from "../../link/pause.ts";
import type { Exchange, Outcome, Peer, PeerListener, RequestOptions } from "../../link/peer.ts";
import { claimOf } from "../../mcp/claim.ts";
import { readEnvelope, withEnvelope } from "../../mcp/envelope.ts";
import { contradictsModern, judgeGreeting, judgeProbe } from "../../mcp/era.ts";
import { modernHeaders } from "../../mcp/mcp_headers.ts";
import { MODERN_REVISION, ModernErrorCode } from "../../mcp/modern.ts";
import { asObject } from "../../mcp/revision.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { inTheWay } from "../in_the_way.ts";
import type { Session } from "../session.ts";
import { type LegacyServer, legacyServer } from "./legacy_server.ts";
import { modernServer } from "./modern_server.ts";

/** What a {@linkcode modernClient} needs. Times in milliseconds. */
export interface ModernClientOptions {
  /** Opens a wire to the server on which messages pass as they are. */
  readonly openWire: () => Promise<Peer>;
  /** Opens one with what keeps a legacy session alive there around it. */
  readonly openSession: (wire: Peer, session: () => Session, replayed: () => void) => Peer;
  /** The wire is one connection. */
  readonly duplex: boolean;
  /** Which era the server is spoken to in; `auto` finds it out. */
  readonly protocol: "auto" | "legacy" | "modern";
  /** What is known of the server's eras, and will be. */
  readonly memory: EraMemory;
  /** How long connecting and a handshake may take. */
  readonly timeoutMs: number;
  /**
   * How long a server behind one connection may take to answer `server/discover` before it is taken for a legacy one.
   * @default 5000
   */
  readonly discoverMs?: number;
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  /** The name of a server that does not give its own. */
  readonly host: string;
  readonly logger: Logger;
}

/** How the server is spoken to. */
type Server = { request(message: Message, options: RequestOptions): Exchange };

/** What came of finding out. */
type Decision =
  | { readonly kind: "server"; readonly server: Server }
  /** Nothing: what stands in the way. */
  | { readonly kind: "failed"; readonly outcome: Outcome };

const DISCOVER_MS = 5000;
/** However long it took to find out: a handshake gets so long, in milliseconds. */
const LEAST_MS = 1000;

/**
 * A server as modern clients see it, of whichever era it is. Which one is found out by `server/discover`: the client's own when
 * that is its first request, else one of ours before it; over HTTP it is left out when it is known from before.
 */
export function modernClient(options: ModernClientOptions): Peer {
  const { duplex, endpoint, logger, memory, protocol, timeoutMs, discoverMs = DISCOVER_MS } = options;
  const mark = crypto.randomUUID().slice(0, 8);
  let lastId = 0;
  const newId = (): Id => `"mcp-connect-modern-${mark}-${++lastId}"`;
  let listener: PeerListener | undefined;
  let closed = false;
  /** How the server is spoken to; `undefined` while that is not known. */
  let server: Server | undefined;
  let deciding: Promise<Decision> | undefined;
  /** When what is being found out must be known. */
  let due = 0;
  /**
   * The revisions of a modern server behind one connection, as far as it has told: some look at them in the first request
   * only. Over HTTP each request says its own to whoever takes it.
   */
  let revisions: readonly unknown[] | undefined;
  let ground = newGround();

  /** A wire, and both ways to speak to what is behind it. The first session is on it; others have wires of their own. */
  function newGround(): Ground {
    let wire: Promise<Peer> | undefined;
    let modern: Promise<Server> | undefined;
    let sessions = 0;
    const open = () => wire ??= options.openWire();
    const legacy = legacyServer({
      ...options,
      newId,
      async open(session, replayed) {
        const mine = sessions++ === 0 ? await open() : await options.openWire();
        return options.openSession(mine, session, replayed);
      },
    });
    return {
      legacy,
      open,
      modern() {
        return modern ??= open().then((next) => {
          listenTo(next);
          return modernServer({ next, duplex, newId, endpoint, logger });
        });
      },
      wake: () => void wire?.then((it) => it.wake?.()),
      async close() {
        await legacy.close();
        await (await wire)?.close();
      },
    };
  }

  function listenTo(wire: Peer): void {
    wire.listen({
      receive(message) {
        if (message.kind !== "request") return listener?.receive(message);
        logger.warn("dropped a request of the server's: this era has none", {
          endpoint,
          method: message.method,
        });
      },
      // Whatever is there then may be of the other era.
      closed() {
        if (server !== ground.legacy) server = undefined;
      },
    });
  }

  function request(message: Message, requestOptions: RequestOptions = {}): Exchange {
    if (requestOptions.probe === true) return signOfLife(message, requestOptions);
    return server === undefined
      ? requestWhenKnown(message, requestOptions)
      : requestTo(server, message, requestOptions);
  }

  /** A server that has none of a modern client's requests yet gives one when its era can be found out. */
  function signOfLife(message: Message, requestOptions: RequestOptions): Exchange {
    const present = server;
    if (present === ground.legacy) return ground.legacy.ping(message, requestOptions);
    if (present !== undefined) {
      const facts = { ...readEnvelope(message), logLevel: undefined };
      return present.request(withEnvelope(newRequest(message.id!, "server/discover"), facts), requestOptions);
    }
    const exchange = openExchange(() => {});
    void decide(message).then((it) =>
      exchange.settle(
        it.kind === "failed" ? it.outcome : { kind: "answered", message: resultAnswer(message.id!, {}) },
      )
    );
    return exchange;
  }

  function requestTo(it: Server, message: Message, requestOptions: RequestOptions): Exchange {
    const legacy = it === ground.legacy;
    const spoken = legacy ? [MODERN_REVISION] : revisions;
    const revision = revisionOf(message);
    if (revision !== undefined && spoken?.includes(revision) === false) {
      return notSpoken(message, revision, spoken);
    }
    const present = it.request(message, requestOptions);
    return protocol === "auto" ? watched(present, legacy, message, requestOptions) : present;
  }

  /**
   * A server that contradicts what is known of it is found out about anew. The request did not run then, and is sent again when
   * the server is of the other era.
   */
  function watched(
    first: Exchange,
    legacy: boolean,
    message: Message,
    requestOptions: RequestOptions,
  ): Exchange {
    let present = first;
    const before = server;
    const exchange = openExchange((notice) => present.cancel(notice), () => present.held === true);
    present.whenOver((outcome) => {
      const contradicts = legacy ? contradictsLegacy(outcome) : contradictsModern(evidenceOf(outcome));
      if (!contradicts || closed) return exchange.settle(outcome);
      if (server === before) beginAnew();
      void decide(message).then((decision) => {
        if (exchange.settled) return;
        const another = decision.kind === "server" && (decision.server === ground.legacy) !== legacy;
        // A modern server that uses such an error has answered with it.
        if (!another) return exchange.settle(legacy ? outcome : answeredBy(outcome));
        present = requestTo(decision.server, message, requestOptions);
        present.whenOver(exchange.settle);
      });
    });
    return exchange;
  }

  function beginAnew(): void {
    logger.debug("the server contradicts what is known of its era", { endpoint });
    memory.modern = undefined;
    if (server === ground.legacy) {
      void ground.close();
      ground = newGround();
    }
    server = undefined;
  }

  function notSpoken(message: Message, requested: string, supported: readonly unknown[]): Exchange {
    const answer = errorAnswer(
      message.id!,
      ModernErrorCode.UnsupportedProtocolVersion,
      `Unsupported protocol version: ${requested.slice(0, 100)}`,
      { supported, requested },
    );
    return settledExchange({ kind: "answered", message: answer });
  }

  function requestWhenKnown(message: Message, requestOptions: RequestOptions): Exchange {
    let present: Exchange | undefined;
    const exchange = openExchange(
      (notice) => present?.cancel(notice),
      () => present?.held ?? present === undefined,
    );
    // The client's own question is as good as ours; its answer is the client's.
    const own = message.method === "server/discover" && deciding === undefined && asksServer();
    const decision = own
      ? decide(message, { options: requestOptions, answered: exchange.settle })
      : decide(message);
    void decision.then((it) => {
      if (exchange.settled) return;
      if (it.kind === "failed") return exchange.settle(it.outcome);
      present = requestTo(it.server, message, requestOptions);
      present.whenOver(exchange.settle);
    });
    return exchange;
  }

  // Finding out ---------------------------------------------------------------------------------------------------

  /** Whether the server is asked at all. */
  function asksServer(): boolean {
    return protocol !== "legacy" && (duplex || (protocol === "auto" && memory.modern === undefined));
  }

  function decide(message: Message, own?: OwnProbe): Promise<Decision> {
    return deciding ??= findOut(message, own).then((decision) => {
      if (decision.kind === "server") server = decision.server;
      return decision;
    }).finally(() => deciding = undefined);
  }

  async function findOut(message: Message, own: OwnProbe | undefined): Promise<Decision> {
    due = performance.now() + timeoutMs;
    if (closed) {
      const why = failure("SHUTTING_DOWN", endpoint, "this program is ending");
      return { kind: "failed", outcome: { kind: "not_sent", failure: why } };
    }
    if (protocol === "legacy" || (protocol === "auto" && memory.modern === false)) return goLegacy(message);
    if (!asksServer()) return { kind: "server", server: await ground.modern() };
    const asked = ask(await ground.open(), message, own);
    if (!await within(asked.outcome, duplex ? Math.min(discoverMs, timeoutMs / 2) : timeoutMs)) {
      if (duplex) return await goOnWithout(asked, message);
      asked.cancel();
      const why = failure(
        "CONNECT_TIMEOUT",
        endpoint,
        `no answer to server/discover within ${timeoutMs / 1000} s`,
      );
      return { kind: "failed", outcome: { kind: "not_sent", failure: why } };
    }
    return await judge(await asked.outcome, message, own);
  }

  function ask(wire: Peer, message: Message, own: OwnProbe | undefined): Exchange {
    const facts = { ...readEnvelope(message), logLevel: undefined };
    const it = own === undefined ? withEnvelope(newRequest(newId(), "server/discover"), facts) : message;
    return wire.request(it, {
      ...own?.options,
      final: true,
      fresh: true,
      ...(duplex ? {} : { headers: modernHeaders(it) }),
    });
  }

  async function judge(outcome: Outcome, message: Message, own?: OwnProbe): Promise<Decision> {
    const verdict = judgeProbe(evidenceOf(outcome));
    logger.debug("asked for the modern era", { endpoint, outcome: outcome.kind, verdict });
    if (verdict === "modern") {
      memory.modern = true;
      if (duplex) revisions = supportedBy(outcome);
      own?.answered(answeredBy(outcome));
      return { kind: "server", server: await ground.modern() };
    }
    // The end of a process or a connection is its answer to what it does not know.
    if (verdict === "silent" && !(duplex && outcome.kind === "lost")) {
      return { kind: "failed", outcome: passing(outcome) };
    }
    if (protocol === "modern") return { kind: "failed", outcome: notModern(outcome) };
    const decision = await goLegacy(message);
    if (decision.kind === "server") memory.modern = false;
    return decision;
  }

  /** A server that says nothing is spoken to as a legacy one; should it only be slow, what it says then counts. */
  async function goOnWithout(asked: Exchange, message: Message): Promise<Decision> {
    if (protocol === "modern") return await judge(await asked.outcome, message);
    logger.debug("server/discover is not answered: initialize is tried as well", { endpoint });
    const after = new Promise<Outcome>((resolve) =>
      asked.whenOver((outcome) => judgeProbe(evidenceOf(outcome)) === "modern" && resolve(outcome))
    );
    const first = await Promise.race([after.then((late) => ({ late })), goLegacy(message)]);
    if ("late" in first) return await judge(first.late, message);
    asked.cancel();
    return first;
  }

  async function goLegacy(message: Message): Promise<Decision> {
    const { legacy } = ground;
    const begun = legacy.begin(message);
    if (!await within(begun, Math.max(LEAST_MS, due - performance.now()))) {
      const why = `no answer to server/discover and initialize within ${timeoutMs / 1000} s`;
      return {
        kind: "failed",
        outcome: { kind: "not_sent", failure: failure("CONNECT_TIMEOUT", endpoint, why) },
      };
    }
    const problem = await begun;
    if (problem === undefined) {
      memory.legacy = true;
      return { kind: "server", server: legacy };
    }
    // What was known may be so no more.
    if (protocol === "auto" && problem.kind === "refused") memory.modern = undefined;
    return { kind: "failed", outcome: inTheWay(problem) };
  }

  function notModern(outcome: Outcome): Outcome {
    const said = evidenceOf(outcome).answer?.textOf("error")?.slice(0, 300);
    const why = failure(
      "NOT_MCP",
      endpoint,
      `the server does not speak revision ${MODERN_REVISION}${said === undefined ? "" : `; it says ${said}`}`,
      "leave --protocol modern out",
    );
    return { kind: "refused", failure: why, status: undefined, answer: undefined };
  }

  async function notify(message: Message): Promise<Failure | undefined> {
    // A legacy server would not know what to make of it.
    if (server === undefined || server === ground.legacy || message.isAnswer) return undefined;
    return await (await ground.open()).notify(message, { headers: modernHeaders(message) });
  }

  return {
    request,
    notify,
    listen(it) {
      listener = it;
    },
    wake: () => ground.wake(),
    async close() {
      closed = true;
      await ground.close();
    },
  };
}

/** What stands in the way; a server in trouble may be out of it the next time. */
function passing(outcome: Outcome): Outcome {
  if (outcome.kind !== "refused" || (outcome.status ?? 0) < 500) return inTheWay(outcome);
  const { failure, status } = outcome;
  return { kind: "retry_later", failure, status, answer: undefined, afterMs: undefined };
}

/** The client's own `server/discover`, when it is what finds the era out. */
interface OwnProbe {
  readonly options: RequestOptions;
  /** Takes what a modern server has answered. */
  readonly answered: (outcome: Outcome) => void;
}

/** A wire, and both ways to speak to what is behind it. */
interface Ground {
  readonly legacy: LegacyServer;
  open(): Promise<Peer>;
  modern(): Promise<Server>;
  wake(): void;
  close(): Promise<void>;
}

/** Tells whether a server that was legacy may be so no more: it does not begin a session anew, and says so. */
function contradictsLegacy(outcome: Outcome): boolean {
  if (!("failure" in outcome)) return false;
  const { code, status } = outcome.failure;
  if (code === "SESSION_LOST") return true;
  const refused = outcome.kind === "not_sent" && code === "REFUSED";
  return refused && judgeGreeting({ answer: undefined, status }) === "ask";
}

/** The revisions that a `server/discover` was answered with. */
function supportedBy(outcome: Outcome): readonly unknown[] | undefined {
  if (outcome.kind !== "answered") return undefined;
  const { supportedVersions } = asObject(outcome.message.parsed("result"));
  return Array.isArray(supportedVersions) ? supportedVersions : undefined;
}

function revisionOf(message: Message): string | undefined {
  const claim = claimOf(message);
  return claim.kind === "modern" ? claim.revision : undefined;
}

/** A refusal whose body holds the answer is that answer. */
function answeredBy(outcome: Outcome): Outcome {
  return "answer" in outcome && outcome.answer !== undefined
    ? { kind: "answered", message: outcome.answer }
    : outcome;
}
