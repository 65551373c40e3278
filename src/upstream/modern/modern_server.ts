import { request as newRequest } from "../../jsonrpc/answers.ts";
import { edit, textAt, withId } from "../../jsonrpc/edit.ts";
import type { Id } from "../../jsonrpc/id.ts";
import type { Message } from "../../jsonrpc/message.ts";
import { createToolBook } from "../../link/era/tools.ts";
import { changedExchange, openExchange } from "../../link/exchange.ts";
import type { Exchange, Outcome, Peer, Receive, RequestOptions } from "../../link/peer.ts";
import { readEnvelope, withEnvelope } from "../../mcp/envelope.ts";
import { contradictsModern } from "../../mcp/era.ts";
import { modernHeaders } from "../../mcp/mcp_headers.ts";
import { ModernErrorCode } from "../../mcp/modern.ts";
import type { Logger } from "../../telemetry/logger.ts";

/** What a {@linkcode modernServer} needs. */
export interface ModernServerOptions {
  /** The wire to the server. */
  readonly next: Peer;
  /** The wire is one connection: there are no headers, and a cancellation is a message. */
  readonly duplex: boolean;
  /** Makes the id of a request of ours. */
  readonly newId: () => Id;
  /** The endpoint, for logs. */
  readonly endpoint: string;
  readonly logger: Logger;
}

/** A modern server as modern clients see it: what they send passes as it is. */
export interface ModernServer {
  request(message: Message, options: RequestOptions): Exchange;
}

/** Pages of tools that are listed at most. */
const MOST_PAGES = 256;

/**
 * Passes modern requests to a modern server. Over HTTP the headers are made of the body (S/2026-07-28/basic/transports/
 * streamable-http), tools whose annotations for that are not valid are left out, and a cancellation is the end of the stream.
 */
export function modernServer(options: ModernServerOptions): ModernServer {
  const { next, duplex, endpoint, logger, newId } = options;
  const tools = createToolBook({ mirrored: !duplex, asIs: true, endpoint, logger });
  /** Requests that have left: one that is sent again gets another id (S/2026-07-28/changelog, 9). */
  const left = new WeakSet<Message>();
  let listing: Promise<boolean> | undefined;

  function request(message: Message, requestOptions: RequestOptions): Exchange {
    const exchange = pass(message, requestOptions);
    if (message.method !== "tools/list" || duplex) return exchange;
    const first = textAt(message, ["params", "cursor"]) === undefined;
    return changedExchange(exchange, (outcome) => {
      if (outcome.kind !== "answered" || outcome.message.kind !== "result") return outcome;
      return { kind: "answered", message: tools.take(outcome.message, first) };
    });
  }

  function headersFor(message: Message): Record<string, string> {
    const text = message.method === "tools/call" ? textAt(message, ["params", "name"]) : undefined;
    const params = text?.startsWith('"') ? tools.paramsOf(JSON.parse(text)) : [];
    return modernHeaders(message, params);
  }

  function pass(message: Message, requestOptions: RequestOptions): Exchange {
    const id = message.id!;
    let present: { readonly exchange: Exchange; readonly id: Id } | undefined;
    let listed = duplex || message.method !== "tools/call";
    const exchange = openExchange((notice) => {
      present?.exchange.cancel(
        duplex && notice !== undefined
          ? edit(notice, [{ path: ["params", "requestId"], value: present.id }])
          : undefined,
      );
    }, () => present?.exchange.held === true);
    const toReceiver = requestOptions.receive;
    const receive: Receive = (it) => {
      if (it.kind !== "request") return toReceiver?.(it);
      logger.warn("dropped a request of the server's: this era has none", { endpoint, method: it.method });
    };

    function send(as: Id): void {
      const it = withId(message, as);
      const headers = duplex ? {} : { headers: { ...requestOptions.headers, ...headersFor(it) } };
      present = {
        id: as,
        exchange: next.request(it, { ...requestOptions, receive, final: true, ...headers }),
      };
      present.exchange.whenOver(take);
    }

    function take(outcome: Outcome): void {
      if (exchange.settled) return;
      const own = answerOf(outcome);
      if (!listed && own?.kind === "error" && codeOf(own) === ModernErrorCode.HeaderMismatch) {
        listed = true;
        return void listAndRepeat(outcome);
      }
      exchange.settle(settled(outcome, own));
    }

    function settled(outcome: Outcome, own: Message | undefined): Outcome {
      if (own === undefined) return outcome;
      const shown = withId(own, id);
      if (outcome.kind === "answered") return { kind: "answered", message: shown };
      // With these statuses the error in the body is the answer (S/2026-07-28/basic/transports/streamable-http), unless it is
      // no modern server that says so.
      const status = "status" in outcome ? outcome.status : undefined;
      const isAnswer = (status === 400 || status === 404) && !contradictsModern({ answer: own, status });
      return status === undefined || isAnswer
        ? { kind: "answered", message: shown }
        : { ...outcome, answer: shown } as Outcome;
    }

    /** The headers may have said too little of a tool whose schema was not known, or has changed. */
    async function listAndRepeat(outcome: Outcome): Promise<void> {
      logger.debug("the server misses a header; its tools are listed again", { endpoint });
      const known = await (listing ??= listTools(message).finally(() => listing = undefined));
      if (exchange.settled) return;
      if (known) send(newId());
      else exchange.settle(settled(outcome, answerOf(outcome)));
    }

    // A listening is told of under its id; it has not left when it comes again.
    const again = left.has(message) && message.method !== "subscriptions/listen";
    left.add(message);
    send(again ? newId() : id);
    return exchange;
  }

  /** Lists all tools, for what is to be mirrored of their arguments. */
  async function listTools(message: Message): Promise<boolean> {
    const facts = readEnvelope(message);
    let cursor: string | undefined;
    for (let page = 0; page < MOST_PAGES; page++) {
      const plain = newRequest(newId(), "tools/list", {});
      const ask = withEnvelope(plain, facts, [{ path: ["params", "cursor"], value: cursor }]);
      const outcome = await next.request(ask, {
        headers: modernHeaders(ask),
        receive: () => {},
        final: true,
        fresh: true,
      }).outcome;
      if (outcome.kind !== "answered" || outcome.message.kind !== "result") return false;
      tools.take(outcome.message, page === 0);
      cursor = textAt(outcome.message, ["result", "nextCursor"]);
      if (cursor === undefined || cursor === "null") return true;
    }
    return true;
  }

  return { request };
}

function answerOf(outcome: Outcome): Message | undefined {
  if (outcome.kind === "answered") return outcome.message;
  return "answer" in outcome ? outcome.answer : undefined;
}

function codeOf(error: Message): number {
  return Number(textAt(error, ["error", "code"]));
}
