import { withId } from "../../jsonrpc/edit.ts";
import { InvalidMessage, Message } from "../../jsonrpc/message.ts";
import { decodeUtf8 } from "../../jsonrpc/utf8.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { createCorrelator, refusedOutcome, tooLarge } from "../correlator.ts";
import { createDeadlines } from "../deadlines.ts";
import { type OpenExchange, openExchange, settledExchange } from "../exchange.ts";
import { type Failure, failure } from "../failure.ts";
import { inbox } from "../inbox.ts";
import { pause, within } from "../pause.ts";
import { createTasks } from "../tasks.ts";
import type { Outcome, Peer, PeerListener, Receive, RequestOptions } from "../peer.ts";
import { BodyTooLarge, dropBody, readBody, withoutMark } from "./body.ts";
import { readEvents } from "./event_stream.ts";
import { mediaType, postHeaders, type SessionHeaders, streamHeaders } from "./headers.ts";
import type { HttpClient, HttpReply } from "./http_client.ts";
import { type Limited, notTaken } from "./not_taken.ts";
import { keepServerStream } from "./server_stream.ts";
import { createSeenEvents } from "./seen_events.ts";
import { saysSessionUnknown, sessionUnknown } from "./session_unknown.ts";
import { EventTooLarge } from "./sse_decoder.ts";
import { createSweeper } from "./sweeper.ts";

/** What a {@linkcode streamablePeer} needs. */
export interface StreamablePeerOptions {
  readonly url: URL;
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  readonly client: HttpClient;
  /** Largest body or event taken, in bytes. */
  readonly maxMessageSize: number;
  /** How long the server may take to take what wants no answer, in milliseconds. */
  readonly timeoutMs: number;
  readonly logger: Logger;
}

/** Errors to no request in particular are short: larger bodies are not searched for one, in bytes. */
const NULL_ERROR_LIMIT = 64 * 1024;
/** How long the end of the session may take, in milliseconds. */
const DELETE_MS = 1000;
/** How long the first requests of a session wait for the connection before them, in milliseconds. */
const REUSE_MS = 50;
/** How long notifications on their way may take when the peer is closed, in milliseconds. */
const TELL_MS = 500;

/** What finds the place of a server that has moved: the first request to one of either era. */
const BEGINS: ReadonlySet<string> = new Set(["initialize", "server/discover"]);

/** What belongs to no session: servers of the modern era have none. */
const NO_SESSION: SessionHeaders = { id: undefined, revision: undefined };

/** A Peer over Streamable HTTP (S/2025-11-25/basic/transports#streamable-http, and the revisions before it). */
export function streamablePeer(options: StreamablePeerOptions): Peer {
  const { endpoint, client, logger, maxMessageSize } = options;
  const closing = new AbortController();
  const correlator = createCorrelator();
  /** What `initialize` established on this wire. */
  const session: { id: string | undefined; readonly revision: string | undefined; url: URL } = {
    id: undefined,
    get revision() {
      return correlator.revision;
    },
    url: options.url,
  };
  const takeIn = inbox({ endpoint, logger, correlator });
  const answered = createSweeper();
  /** Whose answer is being taken in: what settles then has come on its own way. */
  let taking: AbortController | undefined;
  /** Requests, notifications and streams that are not over. */
  const tasks = createTasks();
  /** Those of them that are notifications, or answers to the server. */
  const telling = createTasks();
  const aborts = new Set<AbortController>();
  /** Ends POSTs that want no answer and that the server does not take. */
  const limits = createDeadlines<Limited>(({ abort }) => abort.abort());
  let serverStream: AbortController | undefined;
  /** Aborts when the stream that is open now is not to be trusted any more. */
  let renewal = new AbortController();
  /** The id of a session that the server has forgotten: there is nothing to end. */
  let forgotten: string | undefined;
  let listener: PeerListener | undefined;

  function deliver(message: Message): void | Promise<void> {
    return listener?.receive(message);
  }

  function post(
    message: Message,
    signal: AbortSignal,
    headers?: Readonly<Record<string, string>>,
    of: SessionHeaders = session,
    background = false,
  ): Promise<HttpReply> {
    logger.trace("→ POST", { endpoint, method: message.method, id: message.id });
    return client.send({
      method: "POST",
      url: session.url,
      headers: { ...postHeaders(message, of), ...headers },
      body: message.bytes,
      ...(background && { background }),
      signal,
    });
  }

  /** Carries a request out, to the end of its stream. */
  async function carry(
    message: Message,
    exchange: OpenExchange,
    abort: AbortController,
    receive: Receive,
    { headers, final, background }: Pick<RequestOptions, "headers" | "final" | "background">,
  ): Promise<void> {
    const of = final === true ? NO_SESSION : session;
    const { id } = of;
    const reply = await post(message, abort.signal, headers, of, background);
    if ("failure" in reply) {
      const { failure, sent } = reply;
      exchange.settle(
        sent ? { kind: "lost", failure, lastEventId: undefined } : { kind: "not_sent", failure },
      );
      return;
    }
    const { response, url } = reply;
    logger.trace("← HTTP", { endpoint, status: response.status, id: message.id });
    if (!response.ok) {
      const outcome = await rejection(response, id !== undefined, message.id);
      if (outcome.kind === "session_unknown") forgotten = id;
      return exchange.settle(outcome);
    }
    // Where the first request was sent on to, the session stays.
    if (BEGINS.has(message.method!)) session.url = url;
    noteSession(message, response);
    if (response.status !== 202 && mediaType(response) === "text/event-stream") {
      const streamOf = message.method === "initialize" ? session.id : id;
      await readStream(
        message,
        response,
        exchange,
        receive,
        abort,
        final === true ? undefined : { streamOf },
      );
    } else {
      await readWhole(message, response, exchange, receive, abort);
    }
  }

  function noteSession(message: Message, response: Response): void {
    if (message.method !== "initialize") return;
    session.id = response.headers.get("mcp-session-id") ?? undefined;
    if (session.id !== undefined) logger.secret(session.id);
  }

  async function readStream(
    message: Message,
    response: Response,
    exchange: OpenExchange,
    receive: Receive,
    abort: AbortController,
    resumable: { readonly streamOf: string | undefined } | undefined,
  ): Promise<void> {
    const seen = createSeenEvents();
    let events = 0;
    const read = (from: Response) =>
      readEvents(
        from,
        maxMessageSize,
        (event) => {
          events++;
          if (event.type !== "message") return;
          taking = abort;
          const slow = takeIn(event.data, receive, message);
          taking = undefined;
          if (exchange.settled) answered.add(abort);
          return slow;
        },
        logger,
        seen,
      );
    let end = await read(response);
    // Under the id of its last event the server goes on: after a break, and also when it has closed the stream to be polled
    // (S/2025-11-25/basic/transports, Resumability and Redelivery; Sending Messages to the Server 6).
    for (
      let silent = 0;
      resumable !== undefined && !exchange.settled && end.lastEventId &&
      !(end.error instanceof EventTooLarge);
    ) {
      const { resumeAfterMs } = await import("./resume.ts");
      const wait = resumeAfterMs({ silent, broken: end.error !== undefined, retryMs: end.retryMs });
      if (wait === undefined || !await pause(wait, abort.signal)) break;
      // The stream belongs to its session, and ends with it.
      const { streamOf: id } = resumable;
      if (session.id !== id) break;
      silent++;
      const reply = await client.send({
        method: "GET",
        url: session.url,
        headers: streamHeaders(session, end.lastEventId),
        signal: abort.signal,
      });
      if ("failure" in reply) {
        // Counted as a break, so that it does not go on for ever.
        if (end.error === undefined) silent = 0;
        end = { ...end, error: end.error ?? new Error(reply.failure.message) };
        continue;
      }
      const { status } = reply.response;
      if (!reply.response.ok || mediaType(reply.response) !== "text/event-stream") {
        await dropBody(reply.response);
        if (status === 404 && session.id !== undefined && session.id === id) {
          forgotten = id;
          listener?.forgotten?.();
        }
        if (status < 500 && status !== 429) break;
        if (end.error === undefined) silent = 0;
        end = { ...end, error: end.error ?? new Error(`HTTP ${status}`) };
        continue;
      }
      const before = events;
      const { lastEventId, retryMs } = end;
      const next = await read(reply.response);
      if (events > before) silent = 0;
      end = {
        error: next.error,
        lastEventId: next.lastEventId ?? lastEventId,
        retryMs: next.retryMs ?? retryMs,
      };
    }
    answered.delete(abort);
    if (exchange.settled) return;
    exchange.settle(
      end.error instanceof EventTooLarge
        ? refusedOutcome(tooLarge(endpoint, maxMessageSize))
        : { kind: "lost", failure: await streamFailure(end.error), lastEventId: end.lastEventId },
    );
  }

  /** What a response that is no 2xx means; few sessions see one, so the code for it is loaded then. */
  async function rejection(response: Response, inSession: boolean, id?: string): Promise<Outcome> {
    const { readRejection } = await import("./rejection.ts");
    return await readRejection(response, { endpoint, client, logger, inSession, ...(id && { id }) });
  }

  async function explained(error: unknown): Promise<Failure> {
    const { explainFetch } = await import("./explain.ts");
    return explainFetch(error, endpoint).failure;
  }

  async function streamFailure(error: unknown): Promise<Failure> {
    if (error !== undefined) return await explained(error);
    return failure(
      "CONNECTION_LOST",
      endpoint,
      "the server ended the answer's stream without an answer",
      "see the server's log; the request may have been carried out",
    );
  }

  async function readWhole(
    message: Message,
    response: Response,
    exchange: OpenExchange,
    receive: Receive,
    abort: AbortController,
  ): Promise<void> {
    let body: Uint8Array<ArrayBuffer>;
    try {
      body = withoutMark(await readBody(response, maxMessageSize));
    } catch (error) {
      exchange.settle(
        error instanceof BodyTooLarge
          ? refusedOutcome(tooLarge(endpoint, maxMessageSize))
          : { kind: "lost", failure: await explained(error), lastEventId: undefined },
      );
      return;
    }
    if (mediaType(response) !== "application/json" && !/^\s*[{[]/.test(decodeUtf8(body.subarray(0, 64)))) {
      exchange.settle(refusedOutcome(notMcp(response, body)));
      return;
    }
    const error = nullError(body);
    if (error !== undefined) {
      exchange.settle({ kind: "answered", message: withId(error, message.id!) });
      return;
    }
    taking = abort;
    const slow = takeIn(body, receive, message);
    taking = undefined;
    if (slow !== undefined) await slow;
    if (!exchange.settled) exchange.settle(refusedOutcome(notMcp(response, body)));
  }

  /** A JSON-RPC error with id `null` answers the request whose body it is. */
  function nullError(body: Uint8Array<ArrayBuffer>): Message | undefined {
    if (body.length > NULL_ERROR_LIMIT) return undefined;
    try {
      const message = Message.parse(body);
      return message.kind === "error" && message.id === "null" ? message : undefined;
    } catch (error) {
      if (error instanceof InvalidMessage) return undefined;
      throw error;
    }
  }

  function notMcp(response: Response, body: Uint8Array): Failure {
    const type = mediaType(response) || "no content type";
    if (body.length === 0) {
      return failure(
        "NOT_MCP",
        endpoint,
        `the server took the request without answering it (HTTP ${response.status})`,
      );
    }
    const page = type === "text/html" ? "a web page" : `what is no answer (${type})`;
    return failure(
      "NOT_MCP",
      endpoint,
      `the server sent ${page} in place of an answer`,
      "is this an MCP endpoint?",
    );
  }

  /** An error answer that says the session is unknown, sent with status 200, is what the status should have been. */
  function unlessForgotten(outcome: Outcome, id: string): Outcome {
    if (outcome.kind !== "answered" || outcome.message.kind !== "error") return outcome;
    if (!saysSessionUnknown(outcome.message)) return outcome;
    forgotten = id;
    return sessionUnknown(endpoint, outcome.message);
  }

  function closedFailure(): Failure {
    return failure("SHUTTING_DOWN", endpoint, "the connection was closed by this program");
  }

  /** Posts what expects no answer. */
  function tell(message: Message, headers?: RequestOptions["headers"]): Promise<Failure | undefined> {
    return telling.run(tasks.run(deliverByPost(message, headers)));
  }

  async function deliverByPost(
    message: Message,
    headers: RequestOptions["headers"],
  ): Promise<Failure | undefined> {
    const abort = new AbortController();
    const limited = { abort, due: performance.now() + options.timeoutMs };
    aborts.add(abort);
    limits.watch(limited);
    const { id } = session;
    const reply = await post(message, abort.signal, headers);
    limits.unwatch(limited);
    if ("failure" in reply) {
      aborts.delete(abort);
      return abort.signal.aborted && !closing.signal.aborted
        ? notTaken(endpoint, options.timeoutMs)
        : reply.failure;
    }
    if (!reply.response.ok) {
      const outcome = await rejection(reply.response, id !== undefined);
      if (outcome.kind === "session_unknown") forgotten = id;
      aborts.delete(abort);
      return "failure" in outcome ? outcome.failure : undefined;
    }
    // The status has said that it is taken: nobody waits for the body, which may never come.
    const dropped = dropBody(reply.response).then(() => aborts.delete(abort));
    if (message.method === "notifications/initialized") {
      // All that was held up until now is about to leave, and would find no free connection.
      await within(dropped, REUSE_MS);
      openServerStream();
    }
    return undefined;
  }

  /** Opens the stream of what the server says unasked, for as long as the session lasts. */
  function openServerStream(): void {
    serverStream?.abort();
    const abort = serverStream = new AbortController();
    void tasks.run(keepServerStream({
      open: (lastEventId, signal) =>
        client.send({
          method: "GET",
          url: session.url,
          headers: streamHeaders(session, lastEventId),
          signal,
        }),
      renewed: () => renewal.signal,
      async isForgotten(response) {
        if (!response.ok) {
          return (await rejection(response, session.id !== undefined)).kind === "session_unknown";
        }
        await dropBody(response);
        return false;
      },
      forgotten: () => {
        if (session.id === undefined) return;
        forgotten = session.id;
        listener?.forgotten?.();
      },
      take: (data) => takeIn(data, deliver),
      maxEventSize: maxMessageSize,
      signal: abort.signal,
      endpoint,
      logger,
    }));
  }

  /** Ends the session at the server (S/2025-11-25/basic/transports, Session Management 5); 405 is as good. */
  async function endSession(): Promise<void> {
    if (session.id === undefined) return;
    const headers = streamHeaders(session);
    const known = session.id !== forgotten;
    session.id = undefined;
    if (!known) return;
    const reply = await client.send({
      method: "DELETE",
      url: session.url,
      headers,
      signal: AbortSignal.timeout(DELETE_MS),
    });
    if ("response" in reply) await dropBody(reply.response);
  }

  return {
    request(message, { receive = deliver, ...requestOptions } = {}) {
      if (closing.signal.aborted) return settledExchange({ kind: "not_sent", failure: closedFailure() });
      const abort = new AbortController();
      let cancelled = false;
      const exchange = openExchange((notice) => {
        cancelled = true;
        correlator.drop(message);
        // Closing the stream is no cancellation in these revisions: the notice is, and goes first.
        if (notice === undefined) abort.abort();
        else void within(tell(notice), TELL_MS).then(() => abort.abort());
      });
      if (message.method === "initialize") {
        serverStream?.abort();
        void tasks.run(endSession());
      }
      if (BEGINS.has(message.method!)) session.url = options.url;
      /** The session that the request belongs to, which may be lost by the time of its answer. */
      const { id } = requestOptions.final === true ? NO_SESSION : session;
      const waiting: Pick<OpenExchange, "settle"> = {
        settle(outcome) {
          exchange.settle(id === undefined ? outcome : unlessForgotten(outcome, id));
          // Answered on another's stream: its own, which may never end, is not needed any more.
          if (taking !== abort) answered.add(abort);
        },
      };
      correlator.add(message, waiting);
      aborts.add(abort);
      const toReceiver: Receive = (it) => cancelled ? undefined : receive(it);
      const work = carry(message, exchange, abort, toReceiver, requestOptions).finally(() => {
        aborts.delete(abort);
        answered.delete(abort);
        correlator.drop(message, waiting);
      });
      void tasks.run(work);
      return exchange;
    },
    wake() {
      renewal.abort();
      renewal = new AbortController();
    },
    notify: (message, { headers } = {}) =>
      closing.signal.aborted ? Promise.resolve(closedFailure()) : tell(message, headers),
    listen(it) {
      listener = it;
    },
    async close() {
      if (closing.signal.aborted) return;
      closing.abort();
      serverStream?.abort();
      await telling.settled(TELL_MS);
      for (const abort of aborts) abort.abort();
      answered.stop();
      await endSession();
      await tasks.settled(DELETE_MS);
      // What has ended may have begun one at the last moment.
      await endSession();
      limits.stop();
    },
  };
}
