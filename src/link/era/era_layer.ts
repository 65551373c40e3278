import { request as newRequest } from "../../jsonrpc/answers.ts";
import type { Message } from "../../jsonrpc/message.ts";
import { initializeResult, speaksModern } from "../../mcp/discover.ts";
import { type ClientFacts, readClientFacts, withEnvelope } from "../../mcp/envelope.ts";
import { judgeGreeting } from "../../mcp/era.ts";
import { modernHeaders } from "../../mcp/mcp_headers.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { openExchange } from "../exchange.ts";
import type { Exchange, Layer, Outcome, Peer, PeerListener, RequestOptions } from "../peer.ts";

/** What an {@linkcode eraLayer} needs. */
export interface EraOptions {
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  /** The name of a server that does not give its own. */
  readonly host: string;
  /** The wire is one connection: a cancellation is a message there, and elsewhere the end of the stream. */
  readonly duplex: boolean;
  readonly logger: Logger;
}

/**
 * A layer that lets a client of the legacy era speak to a server of either: the client's own `initialize` finds out
 * which it is. A legacy server costs nothing more, and its messages pass untouched; for a modern one they are translated.
 */
export function eraLayer(options: EraOptions): Layer {
  const { endpoint, logger } = options;
  return (next) => {
    let listener: PeerListener | undefined;
    /** Speaks to the modern server; `undefined` while it is legacy, or not known. */
    let modern: Peer | undefined;
    let lastId = 0;

    function greet(initialize: Message, requestOptions?: RequestOptions): Exchange {
      modern?.close();
      modern = undefined;
      let sent = next.request(initialize, requestOptions);
      const exchange = openExchange((notice) => sent.cancel(notice), () => sent.held === true);
      sent.whenOver((outcome) => {
        if (judgeGreeting(evidenceOf(outcome)) !== "ask") return exchange.settle(outcome);
        const client = readClientFacts(initialize);
        const ask = withEnvelope(newRequest(`"mcp-connect-discover-${++lastId}"`, "server/discover"), client);
        sent = next.request(ask, { headers: modernHeaders(ask) });
        sent.whenOver((found) => {
          if (exchange.settled) return;
          if (found.kind !== "answered" || !speaksModern(found.message)) return exchange.settle(outcome);
          void goModern(initialize, client, found.message).then((answer) =>
            exchange.settle({ kind: "answered", message: answer })
          );
        });
      });
      return exchange;
    }

    async function goModern(initialize: Message, client: ClientFacts, found: Message): Promise<Message> {
      const { modernPeer } = await import("./legacy_to_modern.ts");
      logger.debug("the server is of the modern era: messages are translated", { endpoint });
      const answer = initializeResult(initialize, found, options.host);
      modern = modernPeer({ ...options, next, client, initialize, shown: answer });
      if (listener !== undefined) modern.listen(listener);
      return answer;
    }

    return {
      ...next,
      request(message, requestOptions) {
        if (message.method === "initialize") return greet(message, requestOptions);
        return (modern ?? next).request(message, requestOptions);
      },
      notify: (message) => (modern ?? next).notify(message),
      listen(it) {
        listener = it;
        next.listen({ ...it, receive: (message) => modern === undefined ? it.receive(message) : undefined });
      },
      async close() {
        await modern?.close();
        await next.close();
      },
    };
  };
}

function evidenceOf(outcome: Outcome): { answer: Message | undefined; status: number | undefined } {
  switch (outcome.kind) {
    case "answered":
      return { answer: outcome.message, status: undefined };
    case "refused":
    case "session_unknown":
      return { answer: outcome.answer, status: outcome.status };
    default:
      return { answer: undefined, status: undefined };
  }
}
