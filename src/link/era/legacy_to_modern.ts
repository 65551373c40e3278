import { errorAnswer, notification, request as newRequest, resultAnswer } from "../../jsonrpc/answers.ts";
import { edit, textAt } from "../../jsonrpc/edit.ts";
import { ErrorCode } from "../../jsonrpc/error_codes.ts";
import type { Id } from "../../jsonrpc/id.ts";
import type { Message } from "../../jsonrpc/message.ts";
import { type ClientFacts, withEnvelope, withoutModernMembers } from "../../mcp/envelope.ts";
import { modernHeaders } from "../../mcp/mcp_headers.ts";
import { MODERN_REVISION } from "../../mcp/modern.ts";
import { asObject } from "../../mcp/revision.ts";
import { MCP_LOG_LEVELS } from "../../mcp/log_levels.ts";
import { changedExchange, openExchange, settledExchange } from "../exchange.ts";
import type { Failure } from "../failure.ts";
import type { Exchange, Outcome, Peer, PeerListener, Receive, RequestOptions } from "../peer.ts";
import type { EraOptions } from "./era_layer.ts";
import { keepListening, type ListenFilter } from "./listen.ts";
import { carryRequest, type Conversation } from "./modern_request.ts";
import { answerQuestions } from "./questions.ts";
import { createToolBook } from "./tools.ts";

/** What a {@linkcode modernPeer} needs. */
export interface ModernOptions extends EraOptions {
  /** The wire to the modern server. */
  readonly next: Peer;
  readonly client: ClientFacts;
  /** The result that the client's `initialize` was given. */
  readonly shown: Message;
  /** Makes an id that no request of this endpoint's ever had. */
  readonly newId: (what: string) => Id;
  /** Requests that have been sent already. */
  readonly sent: WeakSet<Message>;
  /** Finds out again what the server speaks; `undefined` when that is the modern revision. */
  readonly renegotiate: () => Promise<Outcome | undefined>;
}

/** A conversation of a legacy client with a modern server. */
export interface ModernPeer extends Peer {
  /** Takes what arrives on a wire that all requests share. */
  readonly receive: Receive;
  /** The conversation is over: nothing is listened for any more, and what waits for the client is given up. */
  end(why: Failure): void;
}

/** Pages of tools that are listed at most. */
const MOST_PAGES = 256;

/** Speaks for a legacy client to a modern server (S/2026-07-28). */
export function modernPeer(options: ModernOptions): ModernPeer {
  const { next, endpoint, logger, newId, duplex } = options;
  let client = options.client;
  let listener: PeerListener | undefined;
  /** JSON texts of URIs. */
  const subscriptions = new Set<string>();
  const shown = asObject(options.shown.parsed("result"));
  const capabilities = asObject(shown.capabilities);
  const tools = createToolBook({ mirrored: !duplex, endpoint, logger });
  const toListener: Receive = (message) => listener?.receive(message);
  let listing: Promise<boolean> | undefined;

  const listening = keepListening({
    wanted,
    newId: () => newId("listen"),
    open(id, filter, receive) {
      const ask = withEnvelope(newRequest(id, "subscriptions/listen", { notifications: filter }), client);
      return next.request(ask, { headers: modernHeaders(ask), receive, final: true });
    },
    giveUp(exchange, id) {
      exchange.cancel(
        duplex ? notification("notifications/cancelled", { requestId: JSON.parse(id) }) : undefined,
      );
    },
    receive: toListener,
    missed() {
      const filter = wanted();
      for (const [name, method] of LIST_CHANGES) {
        if (filter?.[name] === true) void toListener(notification(method));
      }
    },
    duplex,
    endpoint,
    logger,
  });

  const conversation: Conversation = {
    next,
    duplex,
    endpoint,
    logger,
    client: () => client,
    tools,
    questions: answerQuestions({
      client,
      revision: String(shown.protocolVersion),
      newId: () => newId("question"),
    }),
    newId,
    sent: options.sent,
    asking: new Set(),
    listTools: () =>
      listing ??= listTools().finally(() => {
        listing = undefined;
      }),
    renegotiate: options.renegotiate,
    receive: toListener,
  };

  function request(message: Message, requestOptions: RequestOptions = {}): Exchange {
    const answer = (it: Message) => settledExchange({ kind: "answered", message: it });
    const id = message.id!;
    const invalid = (why: string) =>
      answer(errorAnswer(id, ErrorCode.InvalidParams, `Invalid params: ${why}`));
    if (message.params !== undefined && message.bytes[message.params.start] !== 0x7b) {
      return invalid("params must be an object");
    }
    switch (message.method) {
      case "ping":
        return requestOptions.probe === true
          ? signOfLife(message, requestOptions)
          : answer(resultAnswer(id, {}));
      case "logging/setLevel": {
        if (capabilities.logging === undefined) return answer(noMethod(message));
        const level = textAt(message, ["params", "level"]);
        if (level === undefined || !MCP_LOG_LEVELS.some((known) => level === `"${known}"`)) {
          return invalid(`the level must be one of ${MCP_LOG_LEVELS.join(", ")}`);
        }
        client = { ...client, logLevel: level };
        return answer(resultAnswer(id, {}));
      }
      case "resources/subscribe":
      case "resources/unsubscribe": {
        if (capabilities.resources === undefined) return answer(noMethod(message));
        const uri = textAt(message, ["params", "uri"]);
        if (uri === undefined || !uri.startsWith('"')) return invalid("there is no uri");
        const text = JSON.stringify(JSON.parse(uri));
        if (message.method === "resources/subscribe") return subscribe(message, text);
        if (subscriptions.delete(text)) void listening.renew();
        return answer(resultAnswer(id, {}));
      }
    }
    if (message.method!.startsWith("tasks/")) return answer(noMethod(message));
    return carryRequest(message, requestOptions, conversation);
  }

  function noMethod(message: Message): Message {
    const why = `Method not found: the server has no ${message.method}`;
    return errorAnswer(message.id!, ErrorCode.MethodNotFound, why);
  }

  /** A modern server has no `ping`; whatever it says to this shows that it is there. */
  function signOfLife(message: Message, requestOptions: RequestOptions): Exchange {
    const ask = newRequest(newId("ping"), "server/discover");
    return changedExchange(
      carryRequest(ask, requestOptions, conversation),
      (outcome) =>
        outcome.kind === "answered" ? { kind: "answered", message: resultAnswer(message.id!, {}) } : outcome,
    );
  }

  /** Lists all tools, for what is to be mirrored of their arguments. */
  async function listTools(): Promise<boolean> {
    let cursor: string | undefined;
    for (let page = 0; page < MOST_PAGES; page++) {
      const plain = newRequest(newId("tools"), "tools/list", {});
      const ask = withEnvelope(plain, client, [{ path: ["params", "cursor"], value: cursor }]);
      const { outcome: over } = next.request(ask, {
        headers: modernHeaders(ask),
        receive: () => {},
        final: true,
        fresh: true,
      });
      const outcome = await over;
      if (outcome.kind !== "answered" || outcome.message.kind !== "result") return false;
      tools.take(withoutModernMembers(outcome.message), page === 0);
      cursor = textAt(outcome.message, ["result", "nextCursor"]);
      if (cursor === undefined || cursor === "null") return true;
    }
    return true;
  }

  // Notifications -------------------------------------------------------------------------------------------------

  function notify(message: Message): Promise<Failure | undefined> {
    if (message.isAnswer) {
      conversation.questions.answered(message);
      return Promise.resolve(undefined);
    }
    switch (message.method) {
      case "notifications/initialized":
        if (wanted() !== undefined) void listening.renew();
        return Promise.resolve(undefined);
      // These have no modern form; the server asks for roots again when it needs them.
      case "notifications/roots/list_changed":
      case "notifications/progress":
      case "notifications/cancelled":
        return Promise.resolve(undefined);
      default:
        return next.notify(message, {
          headers: { "mcp-protocol-version": MODERN_REVISION },
        });
    }
  }

  /** What is to be listened for: the changes the client was told of, and its subscriptions; `undefined` for nothing. */
  function wanted(): ListenFilter | undefined {
    const changes = (name: string) => asObject(capabilities[name]).listChanged === true;
    const filter: Record<string, unknown> = {
      ...(changes("tools") && { toolsListChanged: true }),
      ...(changes("prompts") && { promptsListChanged: true }),
      ...(changes("resources") && { resourcesListChanged: true }),
      ...(subscriptions.size > 0 &&
        { resourceSubscriptions: [...subscriptions].map((uri) => JSON.parse(uri)) }),
    };
    return Object.keys(filter).length === 0 ? undefined : filter;
  }

  /** Subscribing is listening for one thing more; what the server does not acknowledge is refused. */
  function subscribe(message: Message, uri: string): Exchange {
    const id = message.id!;
    const before = subscriptions.has(uri);
    const exchange = openExchange(() => {
      if (!before && subscriptions.delete(uri)) void listening.renew();
    });
    subscriptions.add(uri);
    void listening.renew().then((it) => {
      if (exchange.settled) return;
      if (it.kind === "acknowledged") {
        const { resourceSubscriptions } = it.filter;
        const taken = Array.isArray(resourceSubscriptions) &&
          resourceSubscriptions.includes(JSON.parse(uri));
        if (taken) return exchange.settle({ kind: "answered", message: resultAnswer(id, {}) });
        subscriptions.delete(uri);
        const why = `Invalid params: the server takes no subscription to ${JSON.parse(uri).slice(0, 200)}`;
        return exchange.settle({ kind: "answered", message: errorAnswer(id, ErrorCode.InvalidParams, why) });
      }
      if (!before) subscriptions.delete(uri);
      exchange.settle(asAnswerTo(id, it.outcome));
    });
    return exchange;
  }

  function end(why: Failure): void {
    listening.end({ kind: "not_sent", failure: why });
    for (const giveUp of [...conversation.asking]) giveUp(why);
  }

  return {
    ...next,
    request,
    notify,
    receive(message) {
      if (message.kind === "request") {
        logger.warn("dropped a request of the server's: this era has none", {
          endpoint,
          method: message.method,
        });
        return;
      }
      return (listening.receiverOf(message) ?? toListener)(message);
    },
    listen(it) {
      listener = it;
    },
    wake() {
      next.wake?.();
      if (wanted() !== undefined) void listening.renew();
    },
    end,
  };
}

const LIST_CHANGES = [
  ["toolsListChanged", "notifications/tools/list_changed"],
  ["promptsListChanged", "notifications/prompts/list_changed"],
  ["resourcesListChanged", "notifications/resources/list_changed"],
] as const;

/** The outcome of a listening as that of the request it was opened for. */
function asAnswerTo(id: Id, outcome: Outcome): Outcome {
  const rename = (message: Message) => edit(message, [{ path: ["id"], value: id }]);
  if (outcome.kind === "answered") {
    return outcome.message.kind === "error" ? { kind: "answered", message: rename(outcome.message) } : {
      kind: "answered",
      message: errorAnswer(id, ErrorCode.InternalError, "the server has ended the subscription at once"),
    };
  }
  if (!("answer" in outcome) || outcome.answer === undefined) return outcome;
  const { answer, ...rest } = outcome;
  return rest.kind === "refused" && (rest.status ?? 400) < 500
    ? { kind: "answered", message: rename(answer) }
    : { ...rest, answer: rename(answer) };
}
