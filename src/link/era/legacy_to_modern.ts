import { errorAnswer, notification, request as newRequest, resultAnswer } from "../../jsonrpc/answers.ts";
import { edit, filterElements, textAt, withId } from "../../jsonrpc/edit.ts";
import { ErrorCode } from "../../jsonrpc/error_codes.ts";
import type { Id } from "../../jsonrpc/id.ts";
import type { Message } from "../../jsonrpc/message.ts";
import { type ClientFacts, resultTypeOf, withEnvelope, withoutModernMembers } from "../../mcp/envelope.ts";
import { type HeaderParam, modernHeaders, readHeaderParams } from "../../mcp/mcp_headers.ts";
import { META, ModernErrorCode } from "../../mcp/modern.ts";
import { asObject } from "../../mcp/revision.ts";
import { openExchange, settledExchange } from "../exchange.ts";
import { type Failure, failure } from "../failure.ts";
import { pause } from "../pause.ts";
import type { Exchange, Outcome, Peer, PeerListener, Receive, RequestOptions } from "../peer.ts";
import type { EraOptions } from "./era_layer.ts";
import { answerQuestions, type Questions } from "./questions.ts";
import { keepListening } from "./listen.ts";

/** What a {@linkcode modernPeer} needs. */
export interface ModernOptions extends EraOptions {
  /** The wire to the modern server. */
  readonly next: Peer;
  readonly client: ClientFacts;
  /** The client's `initialize`. */
  readonly initialize: Message;
  /** The result it was given. */
  readonly shown: Message;
}

/** Rounds of questions that one request may take. */
const MOST_ROUNDS = 10;
/** The wait before a request is sent again whose server only asks for patience, in milliseconds. */
const ROUND_MS = 250;

/** Speaks for a legacy client to a modern server (S/2026-07-28). */
export function modernPeer(options: ModernOptions): Peer {
  const { next, endpoint, logger } = options;
  const closing = new AbortController();
  let client = options.client;
  let listener: PeerListener | undefined;
  /** Which arguments of which tool are mirrored into headers, as far as tools have been listed. */
  const params = new Map<string, readonly HeaderParam[]>();
  const subscriptions = new Set<string>();
  const questions: Questions = answerQuestions({ ...options });
  let lastId = 0;
  let renewListening: (() => void) | undefined;

  const newId = (what: string): Id => `"mcp-connect-${what}-${++lastId}"`;

  function request(message: Message, requestOptions: RequestOptions = {}): Exchange {
    const local = answerHere(message);
    if (local !== undefined) return settledExchange({ kind: "answered", message: local });
    let sent: Exchange | undefined;
    const gone = new AbortController();
    const exchange = openExchange((notice) => {
      gone.abort();
      // Over HTTP the end of the stream is the cancellation.
      if (options.duplex && notice !== undefined && sentId !== undefined) {
        sent?.cancel(renamed(notice, sentId));
      } else sent?.cancel();
    }, () => sent?.held ?? false);
    let sentId: Id | undefined;
    const receive: Receive = (it) => fromServer(it, requestOptions.receive ?? toListener);

    function send(it: Message, take: (outcome: Outcome) => void): void {
      sentId = it.id!;
      sent = next.request(it, {
        ...requestOptions,
        receive,
        headers: { ...requestOptions.headers, ...modernHeaders(it, params.get(toolOf(it) ?? "") ?? []) },
      });
      sent.whenOver(take);
    }

    const enveloped = withEnvelope(withoutTask(message), client);
    let rounds = 0;
    let refreshed = false;

    function take(outcome: Outcome): void {
      if (exchange.settled) return;
      const answer = outcome.kind === "answered"
        ? outcome.message
        : "answer" in outcome
        ? outcome.answer
        : undefined;
      if (answer === undefined) return exchange.settle(outcome);
      if (answer.kind === "error") return void takeError(answer, outcome);
      switch (resultTypeOf(answer)) {
        case "complete":
          return exchange.settle({
            kind: "answered",
            message: withId(toLegacy(message, answer), message.id!),
          });
        case "input_required":
          return void nextRound(answer);
        case "unknown":
          return exchange.settle(
            refusal("NOT_MCP", `the server's result is of a kind that is not known here`),
          );
      }
    }

    async function takeError(answer: Message, outcome: Outcome): Promise<void> {
      const { code } = asObject(answer.parsed("error"));
      if (code === ModernErrorCode.HeaderMismatch && message.method === "tools/call" && !refreshed) {
        refreshed = true;
        await listTools();
        if (!exchange.settled) send(edit(enveloped, [{ path: ["id"], value: newId("again") }]), take);
        return;
      }
      const shown = withId(answer, message.id!);
      exchange.settle(
        outcome.kind === "answered"
          ? { kind: "answered", message: shown }
          : { ...outcome, answer: shown } as Outcome,
      );
    }

    async function nextRound(answer: Message): Promise<void> {
      if (++rounds > MOST_ROUNDS) {
        return exchange.settle(
          refusal("NOT_MCP", `the server asked for input more than ${MOST_ROUNDS} times`),
        );
      }
      const asked = textAt(answer, ["result", "inputRequests"]);
      const state = textAt(answer, ["result", "requestState"]);
      let responses: string | undefined;
      if (asked !== undefined) {
        const got = await questions.ask(asked, requestOptions.receive ?? toListener, gone.signal);
        if (exchange.settled) return;
        if ("why" in got) {
          const message_ = errorAnswer(message.id!, ErrorCode.InternalError, got.why);
          return exchange.settle({ kind: "answered", message: message_ });
        }
        responses = got.responses;
      } else if (!await pause(ROUND_MS, gone.signal)) return;
      send(
        edit(enveloped, [
          { path: ["id"], value: newId("round") },
          { path: ["params", "inputResponses"], value: responses },
          { path: ["params", "requestState"], value: state },
        ]),
        take,
      );
    }

    function refusal(code: "NOT_MCP", why: string): Outcome {
      return { kind: "refused", failure: failure(code, endpoint, why), status: undefined, answer: undefined };
    }

    send(enveloped, take);
    return exchange;
  }

  const toListener: Receive = (message) => listener?.receive(message);

  /** What arrives on a request's behalf: notifications only, in this era. */
  function fromServer(message: Message, receive: Receive): void | Promise<void> {
    if (message.kind !== "request") return receive(message);
    logger.warn("dropped a request of the server's: this era has none", { endpoint, method: message.method });
  }

  /** What a modern server has no method for. */
  function answerHere(message: Message): Message | undefined {
    const id = message.id!;
    switch (message.method) {
      case "ping":
        return resultAnswer(id, {});
      case "logging/setLevel": {
        const level = textAt(message, ["params", "level"]);
        if (level === undefined) return errorAnswer(id, ErrorCode.InvalidParams, "Invalid params: no level");
        client = { ...client, logLevel: level };
        return resultAnswer(id, {});
      }
      case "resources/subscribe":
      case "resources/unsubscribe": {
        const uri = textAt(message, ["params", "uri"]);
        if (uri === undefined) return errorAnswer(id, ErrorCode.InvalidParams, "Invalid params: no uri");
        if (message.method === "resources/subscribe") subscriptions.add(uri);
        else subscriptions.delete(uri);
        listen();
        return resultAnswer(id, {});
      }
    }
    if (!message.method!.startsWith("tasks/")) return undefined;
    return errorAnswer(
      id,
      ErrorCode.MethodNotFound,
      "Method not found: the server has no tasks of this kind",
    );
  }

  /** A modern result as a legacy client reads it. */
  function toLegacy(asked: Message, answer: Message): Message {
    const plain = withoutModernMembers(answer);
    return asked.method === "tools/list" ? takeTools(plain) : plain;
  }

  /** Takes note of what tools want mirrored, and leaves out those that say it wrong. */
  function takeTools(answer: Message): Message {
    return filterElements(answer, ["result", "tools"], (text) => {
      // Most have no annotation at all.
      if (!text.includes("x-mcp-header")) return true;
      const { name, inputSchema } = asObject(JSON.parse(text));
      const found = readHeaderParams(inputSchema);
      if ("invalid" in found) {
        logger.warn(`the tool ${JSON.stringify(name)} is left out: ${found.invalid}`, { endpoint });
        return false;
      }
      params.set(String(name), found);
      return true;
    });
  }

  async function listTools(): Promise<void> {
    let cursor: string | undefined;
    do {
      const ask = withEnvelope(
        edit(newRequest(newId("tools"), "tools/list", {}), [{ path: ["params", "cursor"], value: cursor }]),
        client,
      );
      const outcome = await next.request(ask, { headers: modernHeaders(ask) }).outcome;
      if (outcome.kind !== "answered") return;
      takeTools(outcome.message);
      cursor = textAt(outcome.message, ["result", "nextCursor"]);
    } while (cursor !== undefined && cursor !== "null");
  }

  // Notifications -------------------------------------------------------------------------------------------------

  async function notify(message: Message): Promise<Failure | undefined> {
    if (message.isAnswer) {
      questions.answered(message);
      return undefined;
    }
    switch (message.method) {
      case "notifications/initialized":
        listen();
        return undefined;
      case "notifications/roots/list_changed":
      case "notifications/progress":
      case "notifications/cancelled":
        return undefined;
      default:
        return await next.notify(message);
    }
  }

  /** Listens for what the server says unasked, with the subscriptions there are now. */
  function listen(): void {
    if (renewListening !== undefined) return renewListening();
    const wanted = () => filterOf(options.shown, subscriptions);
    if (wanted() === undefined) return;
    renewListening = keepListening({
      wanted,
      open: (filter) => {
        const ask = withEnvelope(
          newRequest(newId("listen"), "subscriptions/listen", { notifications: filter }),
          client,
        );
        return next.request(ask, { headers: modernHeaders(ask), receive: fromListen });
      },
      signal: closing.signal,
      missed: () => tellChanged(wanted()),
      endpoint,
      logger,
    });
  }

  function fromListen(message: Message): void | Promise<void> {
    if (message.kind !== "notification" || message.method === "notifications/subscriptions/acknowledged") {
      return;
    }
    return listener?.receive(
      edit(message, [{ path: ["params", "_meta", META.subscriptionId], value: undefined }]),
    );
  }

  /** Changes may have been missed while nobody listened. */
  function tellChanged(filter: Readonly<Record<string, unknown>> | undefined): void {
    for (const [name, method] of LIST_CHANGES) {
      if (filter?.[name] === true) void listener?.receive(notification(method));
    }
  }

  return {
    ...next,
    request,
    notify,
    listen(it) {
      listener = it;
    },
    close() {
      closing.abort();
      return Promise.resolve();
    },
  };
}

const LIST_CHANGES = [
  ["toolsListChanged", "notifications/tools/list_changed"],
  ["promptsListChanged", "notifications/prompts/list_changed"],
  ["resourcesListChanged", "notifications/resources/list_changed"],
] as const;

/** What is to be listened for: the changes the client was told of, and its subscriptions; `undefined` for nothing. */
function filterOf(shown: Message, subscriptions: ReadonlySet<string>): Record<string, unknown> | undefined {
  const capabilities = asObject(asObject(shown.parsed("result")).capabilities);
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

/** The tool a request calls. */
function toolOf(message: Message): string | undefined {
  if (message.method !== "tools/call") return undefined;
  const text = textAt(message, ["params", "name"]);
  return text?.startsWith('"') ? JSON.parse(text) : undefined;
}

/** The request without what makes it a task: the server would not know. */
function withoutTask(message: Message): Message {
  return message.params === undefined
    ? message
    : edit(message, [{ path: ["params", "task"], value: undefined }]);
}

/** The cancellation with the id that the request left under. */
function renamed(notice: Message, id: Id): Message {
  return edit(notice, [{ path: ["params", "requestId"], value: id }]);
}
