import { notification, resultAnswer } from "../jsonrpc/answers.ts";
import { edit, textAt, withId } from "../jsonrpc/edit.ts";
import { type Id, idKey, idsMeet } from "../jsonrpc/id.ts";
import type { Message } from "../jsonrpc/message.ts";
import type { Handler } from "../face/face.ts";
import { type OpenExchange, openExchange, settledExchange } from "../link/exchange.ts";
import { type Failure, failure } from "../link/failure.ts";
import { failureAnswer } from "../link/failure_answer.ts";
import { pause, within } from "../link/pause.ts";
import { createTasks } from "../link/tasks.ts";
import type { Exchange, Outcome, Peer, Receive } from "../link/peer.ts";
import { listenOver } from "../mcp/modern.ts";
import { allowsBatches } from "../mcp/revision.ts";
import type { Logger } from "../telemetry/logger.ts";
import { MCP_LOG_LEVELS } from "../mcp/log_levels.ts";
import { answerFor } from "./answer.ts";
import { createBacklog } from "./backlog.ts";
import { findByToken } from "../mcp/find_by_token.ts";
import { createDeadlines } from "../link/deadlines.ts";
import { noteProgress, noteQuestion, noteReply, type RequestClock, startClock } from "./request_clock.ts";
import { afterAnswer, afterMessage, NO_SESSION, serverLogs, type Session } from "../upstream/session.ts";

/** What a {@linkcode createBridge} needs. Times in milliseconds. */
export interface BridgeOptions {
  /** The server. */
  readonly peer: Peer;
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  /** Told what goes wrong. */
  readonly logger: Logger;
  /**
   * Bound of connecting and of `initialize`.
   * @default 30_000
   */
  readonly timeoutMs?: number;
  /**
   * Bound of a request; progress starts it anew.
   * @default 300_000
   */
  readonly requestTimeoutMs?: number;
  /**
   * Ceiling of a request, whatever its progress.
   * @default 3_600_000
   */
  readonly maxRequestTimeMs?: number;
  /**
   * The client gets our log as well: `logging` is added to the server's capabilities if it has none.
   * @default false
   */
  readonly debug?: boolean;
}

const DEFAULTS = { timeoutMs: 30_000, requestTimeoutMs: 300_000, maxRequestTimeMs: 3_600_000, debug: false };

/** Joins one client to a Peer, and keeps the one promise: every request is answered exactly once. */
export interface Bridge extends Handler {
  /** What the client has established so far. */
  readonly session: Session;
  /** The handshake is over for the client, which may be told things unasked. */
  readonly ready: boolean;
  /** Hands a message of our own to the client; dropped while the client is behind with reading. */
  tell(message: Message): void;
  /**
   * Ends the conversation: what is in flight may still take `ms` milliseconds, then it is cancelled and answered with an
   * error. The client is taken to answer no more questions.
   */
  drain(ms: number): Promise<void>;
  /** Drains at once and closes the Peer. */
  close(): Promise<void>;
}

/** A request of the client's that has not been answered. */
interface Unanswered extends RequestClock {
  readonly message: Message;
  readonly exchange: Exchange;
  /** What the Face holds. */
  readonly client: OpenExchange;
  /** Its progress token as JSON text; looked up when first needed, `null` when it has none. */
  token: string | null | undefined;
}

/** A request of the server's that the client has not answered. */
interface Question {
  /** As the client has it. */
  readonly message: Message;
  /** Its id as the server has it. */
  readonly serverId: Id;
  /** The requests whose time stands still meanwhile. */
  readonly stopped: readonly Unanswered[];
}

/** Above this many unanswered requests, or bytes of them, what the client says is held. */
const CONGESTED = 1024;
const CONGESTED_BYTES = 64 * 1024 * 1024;
/** How many times those bytes are taken while the server waits for the client. */
const HEADROOM = 8;
/** Open questions of the server's; the oldest is forgotten when there are more. */
const MOST_QUESTIONS = 4096;

/** Above this many notifications on their way, it is held too. */
const CONGESTED_LEAVING = 64;

/**
 * How much is held before the client is not read on, in bytes. It is read so far for its cancellations, its answers and its
 * end, which wait for nobody.
 */
const READ_AHEAD = 8 * 1024 * 1024;

/** How long notifications and the client's answers may take to leave once all is answered, in milliseconds. */
const LEAVE_MS = 1000;

/** Makes a {@linkcode Bridge}. */
export function createBridge(bridgeOptions: BridgeOptions): Bridge {
  const options = { ...DEFAULTS, ...bridgeOptions };
  const { peer, endpoint, logger, debug } = options;
  const unanswered = new Map<string, Unanswered>();
  let unansweredBytes = 0;
  const questions = new Map<string, Question>();
  /** Ids of questions of a server that is gone: the client may still answer them. */
  const disowned = new Set<string>();
  let lastQuestion = 0;
  /** How many unanswered requests wait for the client's answer to a question. */
  let asked = 0;
  /** What expects no answer and has not been taken by the wire yet. */
  const leaving = createTasks();
  /** What the client has said while there was no room for it. */
  const backlog = createBacklog();
  /** Bytes of the client's answers that are on their way although there is no room. */
  let overtaking = 0;
  /** There while the client does not take its answers. */
  let unread: Promise<void> | undefined;
  let beginning = false;
  const deadlines = createDeadlines<Unanswered>(expire);
  let session = NO_SESSION;
  let toClient: Receive = () => {};
  /** The conversation is ending: nothing new is begun, and the client answers no more questions. */
  let ending = false;
  /** What we had to say last still waits for the client. */
  let behind = false;
  /** Settles when the `initialize` on its way has been answered; `undefined` when there is none. */
  let greeting: Promise<void> | undefined;
  /** The client has been given the result of its `initialize`. */
  let greeted = false;
  let room: PromiseWithResolvers<void> | undefined;
  let emptied: PromiseWithResolvers<void> | undefined;

  peer.listen({
    receive: (message) => fromServer(message, undefined, toClient),
    closed(why) {
      if (why.code !== "SESSION_LOST") logger.error(why.message, { endpoint: why.endpoint, hint: why.hint });
      disownAll(why);
    },
  });

  // From the client ---------------------------------------------------------------------------------------------

  function request(message: Message, { receive }: { readonly receive: Receive }): Exchange {
    const key = idKey(message.id!);
    if (ending) {
      return refusal(message, endFailure());
    }
    if (unanswered.has(key) || backlog.has(key)) {
      const why = `Invalid Request: the id ${message.id} belongs to a request that is still unanswered`;
      return refusal(message, failure("INVALID_REQUEST", endpoint, why));
    }
    if (!mustWait()) return begin(key, message, receive);
    const exchange = openExchange(() => {});
    backlog.add({
      message,
      exchange,
      begin: () => begin(key, message, receive).whenOver(exchange.settle),
    });
    return exchange;
  }

  function begin(key: string, message: Message, receive: Receive): Exchange {
    if (debug && greeting !== undefined && message.method === "logging/setLevel") {
      // Who answers depends on what the server declares.
      const held = openExchange(() => {});
      void greeting.then(() => request(message, { receive }).whenOver(held.settle));
      return held;
    }
    const local = answerHere(message);
    if (local !== undefined) return settledExchange({ kind: "answered", message: local });
    session = afterMessage(session, message);
    if (message.method === "initialize") {
      greeted = false;
      forgetAll();
    }
    return send(key, message, receive);
  }

  function refusal(message: Message, why: Failure): Exchange {
    return settledExchange({ kind: "answered", message: failureAnswer(message.id!, why) });
  }

  function send(key: string, message: Message, receive: Receive): Exchange {
    const handshake = message.method === "initialize";
    const limit = handshake ? options.timeoutMs : options.requestTimeoutMs;
    const client = openExchange(() => {});
    const exchange = peer.request(message, { receive: (it) => fromServer(it, entry, receive) });
    const entry: Unanswered = Object.assign(
      startClock(performance.now(), limit, handshake ? limit : options.maxRequestTimeMs),
      { message, exchange, client, token: undefined },
    );
    unanswered.set(key, entry);
    unansweredBytes += message.bytes.length;
    watch(entry);
    exchange.whenOver((outcome) => settle(entry, outcome));
    if (handshake) {
      const mine = greeting = client.outcome.then(() => {
        if (greeting === mine) greeting = undefined;
      });
    }
    return client;
  }

  function watch(entry: Unanswered): void {
    if (!isListening(entry.message)) deadlines.watch(entry);
  }

  /** The one place where a request ends. */
  function settle(entry: Unanswered, outcome: Outcome): void {
    const { message } = entry;
    const key = idKey(message.id!);
    if (unanswered.get(key) !== entry) return;
    unanswered.delete(key);
    unansweredBytes -= message.bytes.length;
    if (entry.questions > 0) asked--;
    deadlines.unwatch(entry);
    if ("failure" in outcome) report(message, outcome.failure);
    tellOutcome(entry, answerFor(message.id!, outcome));
    relieve();
  }

  function tellOutcome({ message, client }: Unanswered, answer: Message | undefined): void {
    if (answer === undefined) return client.settle({ kind: "cancelled" });
    session = afterAnswer(session, message, answer);
    client.settle({ kind: "answered", message: withOurLogging(message, answer) });
    // The Face has written the answer; what we have to say comes behind it.
    if (message.method === "initialize") greeted = answer.kind === "result";
  }

  function report(message: Message, why: Failure): void {
    logger.warn(`${message.method} failed: ${why.message}`, {
      code: why.code,
      endpoint: why.endpoint,
      hint: why.hint,
    });
  }

  function notify(message: Message): void {
    if (message.isAnswer) return reply(message);
    if (message.method === "notifications/cancelled") return cancel(message);
    const begin = () => {
      session = afterMessage(session, message);
      pass(message);
    };
    if (mustWait()) backlog.add({ message, exchange: undefined, begin });
    else begin();
  }

  function pass(message: Message): void {
    const extra = isCongested() ? message.bytes.length : 0;
    overtaking += extra;
    void leaving.run(peer.notify(message)).then((why) => {
      overtaking -= extra;
      relieve();
      if (why === undefined) return;
      const what = message.method ?? "an answer to the server";
      logger.warn(`${what} was not delivered: ${why.message}`, { code: why.code, endpoint: why.endpoint });
    });
  }

  /** Passes the client's answer to a question of the server's on. */
  function reply(message: Message): void {
    const question = questions.get(idKey(message.id!));
    if (question === undefined) {
      // It may have crossed the server's cancellation.
      logger.debug("dropped an answer to a question that is not open", { id: message.id });
      return;
    }
    forget(question);
    pass(withId(message, question.serverId));
  }

  function forget(question: Question): void {
    questions.delete(idKey(question.message.id!));
    for (const entry of question.stopped) {
      noteReply(entry, performance.now());
      if (unanswered.get(idKey(entry.message.id!)) !== entry) continue;
      if (entry.questions === 0) asked--;
      watch(entry);
    }
  }

  /** Whoever asked is gone. */
  function forgetAll(): void {
    for (const question of [...questions.values()]) forget(question);
  }

  /** So are its questions: the client is told, and what it still answers must not be taken for an answer to another. */
  function disownAll({ message: reason }: Failure): void {
    for (const [key, question] of [...questions]) {
      forget(question);
      disowned.add(key);
      if (disowned.size > MOST_QUESTIONS) disowned.delete(disowned.values().next().value!);
      void toClient(cancellation(question.message.id!, reason));
    }
  }

  function cancel(message: Message): void {
    const id = textAt(message, ["params", "requestId"]);
    const held = id === undefined ? undefined : backlog.take(idKey(id));
    if (held !== undefined) {
      // It has not left: nobody needs to be told.
      held.exchange?.settle({ kind: "cancelled" });
      return relieve();
    }
    const entry = id === undefined ? undefined : unanswered.get(idKey(id));
    if (entry === undefined || entry.message.method === "initialize") {
      logger.debug("dropped a cancellation of no request in flight", { requestId: id });
      return;
    }
    // The client is done with it at once, whatever the peer still says.
    entry.exchange.cancel(message);
    settle(entry, { kind: "cancelled" });
  }

  // From the server ---------------------------------------------------------------------------------------------

  function fromServer(
    message: Message,
    entry: Unanswered | undefined,
    receive: Receive,
  ): void | Promise<void> {
    if (message.kind === "request") return ask(message, entry, receive);
    if (message.method === "notifications/progress") {
      const about = inProgress(message, entry);
      if (about !== undefined) noteProgress(about, performance.now(), options.requestTimeoutMs);
    } else if (message.method === "notifications/cancelled") {
      const id = textAt(message, ["params", "requestId"]);
      const question = id === undefined ? undefined : findQuestion(id);
      if (question !== undefined) {
        forget(question);
        return receive(edit(message, [{ path: ["params", "requestId"], value: question.message.id! }]));
      }
    }
    return receive(message);
  }

  function findQuestion(serverId: Id): Question | undefined {
    const question = questions.get(idKey(serverId));
    if (question !== undefined) return question;
    for (const it of questions.values()) {
      if (idsMeet(it.serverId, serverId)) return it;
    }
    return undefined;
  }

  function ask(given: Message, entry: Unanswered | undefined, receive: Receive): void | Promise<void> {
    const serverId = given.id!;
    if (ending) return pass(failureAnswer(serverId, endFailure()));
    const message = disowned.has(idKey(serverId))
      ? withId(given, JSON.stringify(`mcp-connect-question-${++lastQuestion}`))
      : given;
    // A wire that does not say on whose behalf the server asks stops the time of all requests.
    const stopped = entry === undefined
      ? [...unanswered.values()]
      : unanswered.has(idKey(entry.message.id!))
      ? [entry]
      : [];
    for (const it of stopped) {
      if (it.questions === 0) asked++;
      noteQuestion(it, performance.now());
    }
    const key = idKey(message.id!);
    const earlier = questions.get(key);
    if (earlier !== undefined) forget(earlier);
    questions.set(key, { message, serverId, stopped });
    if (questions.size > MOST_QUESTIONS) forget(questions.values().next().value!);
    relieve();
    return receive(message);
  }

  /** The request that progress is of; what comes on a request's own stream is its own, if it names no other. */
  function inProgress(message: Message, entry: Unanswered | undefined): Unanswered | undefined {
    const token = textAt(message, ["params", "progressToken"]);
    if (token === undefined || (entry !== undefined && tokenOf(entry) === token)) return entry;
    return findByToken(unanswered.values(), tokenOf, token) ?? entry;
  }

  function tokenOf(entry: Unanswered): string | null {
    if (entry.token === undefined) {
      entry.token = textAt(entry.message, ["params", "_meta", "progressToken"]) ?? null;
    }
    return entry.token;
  }

  // Deadlines ---------------------------------------------------------------------------------------------------

  function expire(entry: Unanswered): void {
    const { message } = entry;
    const handshake = message.method === "initialize";
    const held = entry.exchange.held === true;
    const seconds = (ms: number) => `${ms / 1000} s`;
    const why = handshake
      ? failure(
        "CONNECT_TIMEOUT",
        endpoint,
        `no answer to initialize within ${seconds(options.timeoutMs)}`,
      )
      : failure(
        "REQUEST_TIMEOUT",
        endpoint,
        performance.now() >= entry.latest
          ? `no answer within ${seconds(options.maxRequestTimeMs)}, the longest a request may take`
          : `no answer within ${seconds(options.requestTimeoutMs)}`,
        held
          ? "it waited here and was not sent; raise --request-timeout, or --max-in-flight if many were before it"
          : "the request may have been carried out; raise --request-timeout or --max-request-time if it needs longer",
      );
    settle(entry, { kind: held ? "not_sent" : "lost", failure: why, lastEventId: undefined });
    abandon(entry, handshake ? undefined : why.message);
  }

  /** Gives a request up; the server is told, unless `reason` is missing. */
  function abandon({ exchange, message }: Unanswered, reason: string | undefined): void {
    exchange.cancel(
      reason === undefined ? undefined : cancellation(message.id!, reason),
    );
  }

  // Our own log for the client ----------------------------------------------------------------------------------

  function withOurLogging(request: Message, answer: Message): Message {
    if (!debug || request.method !== "initialize" || answer.kind !== "result" || serverLogs(session)) {
      return answer;
    }
    return edit(answer, [{ path: ["result", "capabilities", "logging"], value: "{}" }]);
  }

  function answerHere(message: Message): Message | undefined {
    if (
      message.method !== "logging/setLevel" || !debug || session.revision === undefined || serverLogs(session)
    ) {
      return undefined;
    }
    const level = textAt(message, ["params", "level"]);
    if (level === undefined || !MCP_LOG_LEVELS.some((name) => level === `"${name}"`)) {
      // S/2025-11-25/server/utilities/logging, Error Handling.
      const why = `Invalid params: the level must be one of ${MCP_LOG_LEVELS.join(", ")}`;
      return failureAnswer(message.id!, failure("INVALID_PARAMS", endpoint, why));
    }
    const answer = resultAnswer(message.id!, {});
    session = afterAnswer(session, message, answer);
    return answer;
  }

  // Ends --------------------------------------------------------------------------------------------------------

  function isCongested(): boolean {
    if (unread !== undefined || leaving.size >= CONGESTED_LEAVING) return true;
    // While a request waits for what the client has to say to a question, the client must be able to say it: the
    // Peer's own bound on waiting requests then answers what is too much.
    if (asked > 0) return unansweredBytes >= CONGESTED_BYTES * HEADROOM;
    return unanswered.size >= CONGESTED || unansweredBytes >= CONGESTED_BYTES;
  }

  /** First come, first served: but for cancellations and answers to the server, nothing overtakes what is held. */
  function mustWait(): boolean {
    return backlog.size > 0 || isCongested();
  }

  function isFull(): boolean {
    return backlog.bytes + overtaking >= READ_AHEAD;
  }

  function relieve(): void {
    // What is begun may be over at once.
    if (beginning) return;
    beginning = true;
    while (!isCongested()) {
      const next = backlog.shift();
      if (next === undefined) break;
      next.begin();
    }
    beginning = false;
    if (!isFull()) {
      room?.resolve();
      room = undefined;
    }
    if (unanswered.size === 0 && backlog.size === 0) emptied?.resolve();
  }

  function endFailure(): Failure {
    return failure(
      "SHUTTING_DOWN",
      endpoint,
      "the client has ended the conversation, or this program is ending",
    );
  }

  function beginEnd(): void {
    ending = true;
    // What lasts as long as the client is there ends with it.
    for (const entry of [...unanswered.values()].filter(({ message }) => isListening(message))) {
      const { message } = entry;
      settle(entry, { kind: "answered", message: listenOver(message.id!) });
      abandon(entry, "the client has ended the conversation");
    }
    for (const question of [...questions.values()]) {
      forget(question);
      pass(failureAnswer(question.serverId, endFailure()));
    }
  }

  async function drain(ms: number): Promise<void> {
    const until = performance.now() + ms;
    if (greeting !== undefined && ms > 0) {
      // What waits for the answer to initialize has been said before the end, and has its turn first.
      await within(greeting, ms);
      await pause(0);
    }
    beginEnd();
    if (unanswered.size + backlog.size > 0 && performance.now() < until) {
      emptied ??= Promise.withResolvers<void>();
      await within(emptied.promise, until - performance.now());
    }
    const left = until - performance.now();
    if (left > 0) await leaving.settled(Math.min(left, LEAVE_MS));
    giveUpHeld();
    // The youngest first: what waits for the place of another must not get it now.
    for (const entry of [...unanswered.values()].reverse()) {
      const held = entry.exchange.held === true;
      const why = failure(
        "SHUTTING_DOWN",
        endpoint,
        "this program is ending and waits no longer for the answer",
        held ? "the request was not sent" : "the request may have been carried out",
      );
      settle(entry, { kind: held ? "not_sent" : "lost", failure: why, lastEventId: undefined });
      abandon(entry, entry.message.method === "initialize" ? undefined : why.message);
    }
  }

  function giveUpHeld(): void {
    const { size } = backlog;
    if (size > 0) {
      logger.warn(`messages of the client's not sent, since this program is ending: ${size}`, { endpoint });
    }
    for (let it = backlog.shift(); it !== undefined; it = backlog.shift()) {
      const { message, exchange } = it;
      if (exchange === undefined) continue;
      const why = failure(
        "SHUTTING_DOWN",
        endpoint,
        "this program is ending and waits no longer for the answer",
        "the request was not sent",
      );
      exchange.settle({ kind: "answered", message: failureAnswer(message.id!, why) });
    }
  }

  return {
    get session() {
      return session;
    },
    get ready() {
      return greeted && session.initialized;
    },
    request,
    notify,
    listen({ receive }) {
      toClient = receive;
    },
    allowsBatches() {
      return greeting === undefined
        ? allowsBatches(session.revision)
        : greeting.then(() => allowsBatches(session.revision));
    },
    unread(until) {
      if (unread === until) return;
      unread = until;
      void until.then(() => {
        if (unread !== until) return;
        unread = undefined;
        relieve();
      });
    },
    congested() {
      if (!isFull()) return undefined;
      return (room ??= Promise.withResolvers<void>()).promise;
    },
    tell(message) {
      if (behind) return;
      const slow = toClient(message);
      if (slow === undefined) return;
      behind = true;
      void slow.then(() => behind = false);
    },
    drain,
    async close() {
      await drain(0);
      deadlines.stop();
      await peer.close();
    },
  };
}

/** A `subscriptions/listen` has no end of its own (S/2026-07-28/basic/patterns/subscriptions). */
function isListening(message: Message): boolean {
  return message.method === "subscriptions/listen";
}

/** The notification that gives the request `id` up. */
function cancellation(id: Id, reason: string): Message {
  return edit(notification("notifications/cancelled", { requestId: 0, reason }), [
    { path: ["params", "requestId"], value: id },
  ]);
}
