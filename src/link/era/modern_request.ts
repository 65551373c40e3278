import { errorAnswer, resultAnswer } from "../../jsonrpc/answers.ts";
import { type Edit, edit, textAt, withId } from "../../jsonrpc/edit.ts";
import { ErrorCode } from "../../jsonrpc/error_codes.ts";
import type { Id } from "../../jsonrpc/id.ts";
import type { Message } from "../../jsonrpc/message.ts";
import { type ClientFacts, resultTypeOf, withEnvelope, withoutModernMembers } from "../../mcp/envelope.ts";
import { modernHeaders } from "../../mcp/mcp_headers.ts";
import { contradictsModern } from "../../mcp/era.ts";
import { ModernErrorCode } from "../../mcp/modern.ts";
import { asObject } from "../../mcp/revision.ts";
import { legacyToolResult } from "../../mcp/structured_output.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { openExchange } from "../exchange.ts";
import { evidenceOf } from "./evidence.ts";
import { type Failure, failure } from "../failure.ts";
import { failureAnswer } from "../failure_answer.ts";
import { pause } from "../pause.ts";
import type { Exchange, Outcome, Peer, Receive, RequestOptions } from "../peer.ts";
import type { Questions } from "./questions.ts";
import type { ToolBook } from "./tools.ts";

/** What {@linkcode carryRequest} needs, which all requests of a conversation share. */
export interface Conversation {
  /** The wire to the modern server. */
  readonly next: Peer;
  /** The wire is one connection: a cancellation is a message there, and elsewhere the end of the stream. */
  readonly duplex: boolean;
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  readonly logger: Logger;
  /** What the client says of itself now. */
  readonly client: () => ClientFacts;
  readonly tools: ToolBook;
  readonly questions: Questions;
  /** Makes the id of a request of ours. */
  readonly newId: (what: string) => Id;
  /** Requests that have been sent: one that is sent again gets another id (S/2026-07-28/changelog, 9). */
  readonly sent: WeakSet<Message>;
  /** Requests that wait for the client's answers: called when the conversation is over. */
  readonly asking: Set<(why: Failure) => void>;
  /** Lists the tools again; tells whether that was possible. */
  readonly listTools: () => Promise<boolean>;
  /** The server does not know the revision it was spoken to in: `undefined` when it does after all. */
  readonly renegotiate: () => Promise<Outcome | undefined>;
  /** Takes what belongs to no request. */
  readonly receive: Receive;
}

/** Rounds of questions that one request may take. */
const MOST_ROUNDS = 10;
/** The wait before a request is sent again whose server only asks for patience, in milliseconds. */
const ROUND_MS = 250;

/** The methods whose results may ask for input (S/2026-07-28/basic/patterns/mrtr). */
const MAY_ASK: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "resources/read"]);

/** Sends a legacy client's request to a modern server, in as many rounds as that takes. */
export function carryRequest(
  message: Message,
  requestOptions: RequestOptions,
  conversation: Conversation,
): Exchange {
  const { next, endpoint, logger, client, tools, questions, newId } = conversation;
  const id = message.id!;
  const called = calledTool(message);
  const given = message.method === "tools/call" ? withoutTask(message) : message;
  const gone = new AbortController();
  let present: { readonly exchange: Exchange; readonly id: Id } | undefined;
  let rounds = 0;
  /** What the server asked to be told in the present round. */
  let answers: readonly Edit[] = [];
  let listed = false;
  let renegotiated = false;

  const exchange = openExchange((notice) => {
    gone.abort();
    if (present === undefined) return;
    // Over HTTP the end of the stream is the cancellation.
    present.exchange.cancel(
      conversation.duplex && notice !== undefined ? renamed(notice, present.id) : undefined,
    );
  }, () => present?.exchange.held === true);

  const toReceiver = requestOptions.receive ?? conversation.receive;
  /** What arrives on a request's behalf: notifications only, in this era. */
  const receive: Receive = (it) => {
    if (it.kind !== "request") return toReceiver(it);
    logger.warn("dropped a request of the server's: this era has none", { endpoint, method: it.method });
  };

  function send(as: Id): void {
    const it = withEnvelope(given, client(), [{ path: ["id"], value: as }, ...answers]);
    const params = called === undefined ? [] : tools.paramsOf(called);
    const headers = conversation.duplex
      ? undefined
      : { ...requestOptions.headers, ...modernHeaders(it, params) };
    present = {
      id: as,
      exchange: next.request(it, {
        ...requestOptions,
        receive,
        final: true,
        ...(headers === undefined ? {} : { headers }),
      }),
    };
    present.exchange.whenOver(take);
  }

  function take(outcome: Outcome): void {
    if (exchange.settled) return;
    const answer = answerIn(outcome);
    // What a legacy server says that has taken the modern one's place.
    if (!renegotiated && codeOf(answer) !== ModernErrorCode.UnsupportedProtocolVersion) {
      if (contradictsModern(evidenceOf(outcome))) {
        renegotiated = true;
        return void renegotiateOr(outcome, answer);
      }
    }
    if (answer === undefined) return exchange.settle(outcome);
    if (answer.kind === "error") return takeError(answer, outcome);
    switch (resultTypeOf(answer)) {
      case "complete":
        return settleWith(toLegacy(answer));
      case "input_required":
        return void nextRound(answer);
      case "unknown":
        return settleWith(unusable("the server's result is of a kind that is not known here (resultType)"));
    }
  }

  function settleWith(answer: Message): void {
    exchange.settle({ kind: "answered", message: withId(answer, id) });
  }

  function unusable(why: string): Message {
    logger.warn(`${message.method}: ${why}`, { endpoint });
    return failureAnswer(id, failure("NOT_MCP", endpoint, why, "see the server's log"), "unknown");
  }

  /** Says in a way that the client's model can read what stands in the way. */
  function obstacle(why: string): void {
    logger.info(`${message.method}: ${why}`, { endpoint });
    settleWith(
      message.method === "tools/call"
        ? resultAnswer(id, { content: [{ type: "text", text: why }], isError: true })
        : errorAnswer(id, ErrorCode.InternalError, why),
    );
  }

  /** A modern result as a legacy client reads it. */
  function toLegacy(answer: Message): Message {
    const plain = withoutModernMembers(answer);
    switch (message.method) {
      case "tools/list":
        return tools.take(plain, textAt(message, ["params", "cursor"]) === undefined);
      case "tools/call":
        return legacyToolResult(plain, called !== undefined && tools.isWrapped(called));
      default:
        return plain;
    }
  }

  // Errors --------------------------------------------------------------------------------------------------------

  function takeError(answer: Message, outcome: Outcome): void {
    const { code, data } = asObject(answer.parsed("error"));
    switch (code) {
      case ModernErrorCode.HeaderMismatch:
        if (called === undefined || listed || conversation.duplex) break;
        listed = true;
        return void listAndRepeat(answer, outcome);
      case ModernErrorCode.UnsupportedProtocolVersion:
        if (renegotiated) break;
        renegotiated = true;
        return void renegotiateAndRepeat();
      case ModernErrorCode.MissingClientCapability: {
        const { requiredCapabilities } = asObject(data);
        const names = capabilityNames(requiredCapabilities);
        const what = names.length === 0 ? "a capability" : names.join(", ");
        return obstacle(`the server wants a client that has declared ${what}, and this one has not`);
      }
    }
    settleWithError(answer, outcome);
  }

  function settleWithError(answer: Message, outcome: Outcome): void {
    const shown = withId(answer, id);
    // With these statuses the error in the body is the answer (S/2026-07-28/basic/transports/streamable-http).
    const status = "status" in outcome ? outcome.status : undefined;
    if (outcome.kind === "answered" || status === undefined || status === 400 || status === 404) {
      return settleWith(shown);
    }
    exchange.settle({ ...outcome, answer: shown } as Outcome);
  }

  /** The headers may have said too little of a tool whose schema was not known, or has changed. */
  async function listAndRepeat(answer: Message, outcome: Outcome): Promise<void> {
    logger.debug("the server misses a header; its tools are listed again", { endpoint, tool: called });
    const known = await conversation.listTools();
    if (exchange.settled) return;
    if (known) send(newId("again"));
    else settleWithError(answer, outcome);
  }

  async function renegotiateAndRepeat(): Promise<void> {
    const problem = await conversation.renegotiate();
    if (exchange.settled) return;
    if (problem === undefined) send(newId("again"));
    else exchange.settle(problem);
  }

  /** Asks what the server speaks; when it is what it was, its refusal stands. */
  async function renegotiateOr(outcome: Outcome, answer: Message | undefined): Promise<void> {
    const problem = await conversation.renegotiate();
    if (exchange.settled) return;
    if (problem !== undefined) return exchange.settle(problem);
    if (answer === undefined) exchange.settle(outcome);
    else settleWithError(answer, outcome);
  }

  // Rounds --------------------------------------------------------------------------------------------------------

  async function nextRound(answer: Message): Promise<void> {
    if (!MAY_ASK.has(message.method!)) {
      return settleWith(unusable(`the server asks for input, which it must not for ${message.method}`));
    }
    const asked = textAt(answer, ["result", "inputRequests"]);
    const state = textAt(answer, ["result", "requestState"]);
    if (asked === undefined && state === undefined) {
      return settleWith(unusable("the server asks for input, and does not say which"));
    }
    if (++rounds > MOST_ROUNDS) {
      return obstacle(`the server asked for input more than ${MOST_ROUNDS} times; the request is given up`);
    }
    const got = await inputFor(asked);
    if (exchange.settled) return;
    if ("why" in got) return obstacle(got.why);
    answers = [
      { path: ["params", "inputResponses"], value: got.responses },
      { path: ["params", "requestState"], value: state },
    ];
    send(newId("round"));
  }

  /** What the client has to say; a server that asks nothing is left alone for a moment. */
  async function inputFor(
    asked: string | undefined,
  ): Promise<{ readonly responses: string | undefined } | { readonly why: string }> {
    const giveUp = (why: Failure) => {
      gone.abort();
      exchange.settle({ kind: "lost", failure: why, lastEventId: undefined });
    };
    conversation.asking.add(giveUp);
    try {
      const got = asked === undefined
        ? { responses: undefined }
        : await questions.ask(asked, toReceiver, gone.signal);
      if (asked === undefined || ("responses" in got && got.responses === "{}")) {
        await pause(ROUND_MS, gone.signal);
      }
      return got;
    } finally {
      conversation.asking.delete(giveUp);
    }
  }

  const again = conversation.sent.has(message);
  conversation.sent.add(message);
  send(again ? newId("again") : id);
  return exchange;
}

/** What a peer answered, whatever came with it. */
function answerIn(outcome: Outcome): Message | undefined {
  switch (outcome.kind) {
    case "answered":
      return outcome.message;
    case "refused":
    // There are no sessions to be lost.
    case "session_unknown":
      return outcome.answer;
    default:
      return undefined;
  }
}

function codeOf(answer: Message | undefined): unknown {
  return answer?.kind === "error" ? asObject(answer.parsed("error")).code : undefined;
}

/** The names of capabilities, with those in them: `elicitation.url`. */
function capabilityNames(required: unknown): string[] {
  return Object.entries(asObject(required)).flatMap(([name, value]) => {
    const inner = Object.keys(asObject(value));
    return inner.length === 0 ? [name] : inner.map((it) => `${name}.${it}`);
  }).slice(0, 10).map((name) => name.slice(0, 60));
}

/** The tool a request calls. */
function calledTool(message: Message): string | undefined {
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
