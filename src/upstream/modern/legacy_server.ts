import { errorAnswer } from "../../jsonrpc/answers.ts";
import { textAt } from "../../jsonrpc/edit.ts";
import { ErrorCode } from "../../jsonrpc/error_codes.ts";
import type { Id } from "../../jsonrpc/id.ts";
import type { Message } from "../../jsonrpc/message.ts";
import { openExchange, settledExchange } from "../../link/exchange.ts";
import type { Exchange, Outcome, Peer, RequestOptions } from "../../link/peer.ts";
import { discoverResult } from "../../mcp/as_modern.ts";
import { coversCapabilities, joinCapabilities } from "../../mcp/capabilities.ts";
import { readEnvelope } from "../../mcp/envelope.ts";
import { asObject } from "../../mcp/revision.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { inTheWay } from "../in_the_way.ts";
import type { Session } from "../session.ts";
import { createCalls } from "./calls.ts";
import { createListeners } from "./listeners.ts";
import { type LegacyHost, legacyHost } from "./legacy_host.ts";

/** What a {@linkcode legacyServer} needs. */
export interface LegacyServerOptions {
  /** Opens a wire to the server, with what keeps a session alive there around it. */
  readonly open: (session: () => Session, replayed: () => void) => Promise<Peer>;
  /** Makes the id of a request of ours. */
  readonly newId: () => Id;
  /** How long a handshake may take, in milliseconds. */
  readonly timeoutMs: number;
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  /** The name of a server that does not give its own. */
  readonly host: string;
  readonly logger: Logger;
}

/** A legacy server as modern clients see it. */
export interface LegacyServer {
  /**
   * Establishes a session that can carry `message`, unless there is one.
   *
   * @returns why it could not be
   */
  begin(message: Message): Promise<Outcome | undefined>;
  /** Carries a modern client's request. */
  request(message: Message, options: RequestOptions): Exchange;
  /** Asks the server for a sign of life: `message` is a `ping`. */
  ping(message: Message, options: RequestOptions): Exchange;
  /** Tells those who listen that something may have been missed. */
  missed(): void;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Methods of the legacy era that modern servers do not have (S/2026-07-28/changelog). */
const REMOVED: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "logging/setLevel",
  "resources/subscribe",
  "resources/unsubscribe",
]);

/**
 * Speaks for modern clients to a legacy server: in a session of our own, which is begun with what the client can do. A client
 * that can do more than was declared gets another session, in which that is declared as well; the first is ended when nothing
 * is under way in it.
 */
export function legacyServer(options: LegacyServerOptions): LegacyServer {
  const { endpoint, logger } = options;
  let present: LegacyHost | undefined;
  /** Those that still have to answer something. */
  const retired = new Set<LegacyHost>();
  const listeners = createListeners(options);
  const calls = createCalls({
    endpoint,
    logger,
    announced: (host, message) => host === present ? listeners.announced(message) : undefined,
    over() {
      // What is said last of the call leaves first.
      if (retired.size > 0) queueMicrotask(sweep);
    },
  });

  function hostFor(message: Message): LegacyHost {
    const { capabilities: text, info } = readEnvelope(message);
    const wanted = asObject(JSON.parse(text));
    const before = present;
    if (before !== undefined && coversCapabilities(before.capabilities, wanted)) return before;
    const capabilities = before === undefined
      ? text
      : JSON.stringify(joinCapabilities(before.capabilities, wanted));
    const host: LegacyHost = present = legacyHost({
      ...options,
      client: { capabilities, info },
      receive: (it) => calls.receive(host, it),
      replayed: () => {
        if (host === present) listeners.missed();
      },
    });
    if (before !== undefined) {
      logger.debug("another session is begun for a client that can do more", { endpoint });
      retired.add(before);
      sweep();
    }
    return host;
  }

  /** Ends the sessions that are not needed any more. */
  function sweep(): void {
    for (const host of retired) {
      if (calls.busy(host)) continue;
      retired.delete(host);
      void host.close();
    }
  }

  function withHost(message: Message, use: (host: LegacyHost) => Exchange): Exchange {
    const host = hostFor(message);
    if (host.welcome !== undefined) return use(host);
    let sent: Exchange | undefined;
    const exchange = openExchange((notice) => sent?.cancel(notice), () => sent?.held ?? sent === undefined);
    void host.begin().then((problem) => {
      if (exchange.settled) return;
      // One that can do more may have taken its place meanwhile, and its end be no failure.
      const replaced = host !== present;
      if (!replaced && problem !== undefined) return exchange.settle(inTheWay(problem));
      if (!replaced) listeners.move(host);
      sent = replaced ? withHost(message, use) : use(host);
      sent.whenOver(exchange.settle);
    });
    return exchange;
  }

  return {
    begin: (message) => hostFor(message).begin(),
    request(message, requestOptions) {
      const method = message.method!;
      if (REMOVED.has(method) || method.startsWith("tasks/")) {
        const why = `Method not found: revision 2026-07-28 has no ${method}`;
        return answered(errorAnswer(message.id!, ErrorCode.MethodNotFound, why));
      }
      if (method === "subscriptions/listen" && !namesNotifications(message)) {
        const why = 'Invalid params: "notifications" must be an object';
        return answered(errorAnswer(message.id!, ErrorCode.InvalidParams, why));
      }
      if (calls.isRetry(message)) return calls.resume(message, requestOptions);
      return withHost(message, (host) => {
        switch (method) {
          case "server/discover":
            return answered(discoverResult(message.id!, host.welcome!, host.serverInfo));
          case "subscriptions/listen":
            return listeners.listen(message, requestOptions, host);
          default:
            return calls.send(message, requestOptions, host);
        }
      });
    },
    ping: (message, requestOptions) =>
      withHost(message, (host) => host.peer.request(message, requestOptions)),
    missed: listeners.missed,
    async close() {
      listeners.end();
      calls.end();
      await Promise.all([present, ...retired].map((host) => host?.close()));
    },
  };
}

function namesNotifications(message: Message): boolean {
  return textAt(message, ["params", "notifications"])?.startsWith("{") === true;
}

function answered(message: Message): Exchange {
  return settledExchange({ kind: "answered", message });
}
