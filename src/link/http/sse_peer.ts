import { decodeUtf8 } from "../../jsonrpc/utf8.ts";
import type { Message } from "../../jsonrpc/message.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { createCorrelator, refusedOutcome, tooLarge } from "../correlator.ts";
import { type OpenExchange, openExchange } from "../exchange.ts";
import { type Failure, failure } from "../failure.ts";
import { inbox } from "../inbox.ts";
import { createDeadlines } from "../deadlines.ts";
import { untilAborted, within } from "../pause.ts";
import { createTasks } from "../tasks.ts";
import type { Outcome, Peer, PeerListener } from "../peer.ts";
import { dropBody } from "./body.ts";
import { readEvents } from "./event_stream.ts";
import { explainFetch } from "./explain.ts";
import { mediaType, postHeaders } from "./headers.ts";
import type { HttpClient } from "./http_client.ts";
import { readRejection } from "./rejection.ts";
import { type Limited, notTaken } from "./not_taken.ts";
import { EventTooLarge } from "./sse_decoder.ts";

/** What an {@linkcode ssePeer} needs. */
export interface SsePeerOptions {
  readonly url: URL;
  /** The endpoint, for logs and errors. */
  readonly endpoint: string;
  readonly client: HttpClient;
  /** Largest event taken, in bytes. */
  readonly maxMessageSize: number;
  /** How long the `endpoint` event may take, in milliseconds. */
  readonly timeoutMs: number;
  readonly logger: Logger;
}

/** How long requests on their way may take to leave when the peer is closed, in milliseconds. */
const CLOSE_MS = 1000;

/** Where to post, once the stream is open. */
interface OpenStream {
  readonly postTo: URL;
  /** Ends it. */
  readonly abort: AbortController;
  readonly over: Promise<void>;
}

/**
 * A Peer over HTTP+SSE (S/2024-11-05/basic/transports#http-with-sse): one event stream carries all that the server
 * says, beginning with the address to post to.
 */
export function ssePeer(options: SsePeerOptions): Peer {
  const { endpoint, client, logger, maxMessageSize } = options;
  const closing = new AbortController();
  const correlator = createCorrelator();
  const takeIn = inbox({ endpoint, logger, correlator });
  const tasks = createTasks();
  /** Ends POSTs that want no answer and that the server does not take. */
  const limits = createDeadlines<Limited>(({ abort }) => abort.abort());
  let listener: PeerListener | undefined;
  let opening: Promise<OpenStream | Outcome> | undefined;
  /** The stream is open, and there is an address to post to. */
  let streaming = false;
  let ended: Failure | undefined;

  /** @param background nobody has asked for what the stream is opened for */
  function connect(background: boolean): Promise<OpenStream | Outcome> {
    return opening ??= openStream(background);
  }

  async function openStream(background: boolean): Promise<OpenStream | Outcome> {
    const abort = new AbortController();
    let waiting: Promise<unknown> | undefined;
    const opened = openWithin(abort, AbortSignal.any([closing.signal, abort.signal]), background, (over) => {
      const done = () => waiting === over && (waiting = undefined);
      waiting = over;
      over.then(done, done);
    });
    while (!await within(opened, options.timeoutMs)) {
      // The server has its time once the person has taken his.
      if (waiting === undefined) abort.abort();
      await waiting;
      if (abort.signal.aborted) break;
    }
    const outcome = await opened;
    if ("postTo" in outcome) return outcome;
    opening = undefined;
    if (!abort.signal.aborted) return outcome;
    return {
      kind: "not_sent",
      failure: failure(
        "CONNECT_TIMEOUT",
        endpoint,
        `no endpoint event on the server's event stream within ${options.timeoutMs / 1000} s`,
        "is this the URL of the event stream? Raise --timeout if the server is slow",
      ),
    };
  }

  async function openWithin(
    abort: AbortController,
    signal: AbortSignal,
    background: boolean,
    waits: (over: Promise<unknown>) => void,
  ): Promise<OpenStream | Outcome> {
    const headers = { accept: "text/event-stream" };
    const reply = await client.send({ method: "GET", url: options.url, headers, background, waits, signal });
    if ("failure" in reply) return { kind: "not_sent", failure: reply.failure };
    const { response, url } = reply;
    if (!response.ok) return await readRejection(response, { endpoint, client, logger, inSession: false });
    if (mediaType(response) !== "text/event-stream") {
      await dropBody(response);
      return refusedOutcome(
        failure(
          "NOT_MCP",
          endpoint,
          "the server opened no event stream",
          "is this an MCP endpoint?",
          response.status,
        ),
      );
    }
    return await new Promise<OpenStream | Outcome>((resolve) => {
      const over = readStream(response, (where) => {
        const postTo = postAddress(where, url);
        streaming = postTo !== undefined;
        resolve(postTo === undefined ? foreignAddress(where) : { postTo, over, abort });
      }).then((why) => resolve({ kind: "not_sent", failure: why }));
    });
  }

  function foreignAddress(where: string): Outcome {
    const shown = logger.redact(where).slice(0, 200);
    return refusedOutcome(
      failure(
        "NOT_MCP",
        endpoint,
        `the server wants messages posted to another origin (${shown}), which is refused`,
      ),
    );
  }

  /** Reads the stream to its end, and says why it ended. */
  async function readStream(response: Response, found: (where: string) => void): Promise<Failure> {
    const end = await readEvents(response, maxMessageSize, (event) => {
      if (event.type === "endpoint") return found(decodeUtf8(event.data).trim());
      if (event.type !== "message") return;
      const slow = takeIn(event.data, (message) => listener?.receive(message));
      return slow && untilAborted(slow, closing.signal);
    }, logger);
    const why = endFailure(end.error);
    // Before the endpoint event there was no session: whoever opens the stream tells what became of it.
    if (!streaming) return why;
    opening = undefined;
    streaming = false;
    ended = why;
    correlator.end(
      end.error instanceof EventTooLarge
        ? refusedOutcome(why)
        : { kind: "lost", failure: why, lastEventId: end.lastEventId },
    );
    if (!closing.signal.aborted) listener?.closed?.(why);
    return why;
  }

  function endFailure(error: unknown): Failure {
    if (closing.signal.aborted) {
      return failure("SHUTTING_DOWN", endpoint, "the connection was closed by this program");
    }
    if (error instanceof EventTooLarge) return tooLarge(endpoint, maxMessageSize);
    if (error !== undefined) return explainFetch(error, endpoint).failure;
    return failure("CONNECTION_LOST", endpoint, "the server ended its event stream");
  }

  async function post(message: Message, background = false): Promise<Outcome | undefined> {
    const opened = await connect(background);
    if (!("postTo" in opened)) return opened;
    const abort = new AbortController();
    const limited = { abort, due: performance.now() + options.timeoutMs };
    if (message.kind !== "request") limits.watch(limited);
    const reply = await client.send({
      method: "POST",
      url: opened.postTo,
      namedBy: options.url,
      headers: postHeaders(message, { id: undefined, revision: correlator.revision }),
      body: message.bytes,
      background,
      signal: AbortSignal.any([closing.signal, abort.signal]),
    });
    limits.unwatch(limited);
    if (abort.signal.aborted) return refusedOutcome(notTaken(endpoint, options.timeoutMs));
    if ("failure" in reply) {
      const { failure, sent } = reply;
      return sent ? { kind: "lost", failure, lastEventId: undefined } : { kind: "not_sent", failure };
    }
    const { response } = reply;
    if (!response.ok) {
      const { id } = message;
      return await readRejection(response, { endpoint, client, logger, inSession: true, ...(id && { id }) });
    }
    // The status has said that it is taken: nobody waits for the body, which may never come.
    void dropBody(response);
    return undefined;
  }

  async function carry(message: Message, exchange: OpenExchange, background: boolean): Promise<void> {
    if (exchange.settled) return;
    correlator.add(message, exchange);
    const problem = await post(message, background);
    if (problem === undefined || !correlator.drop(message, exchange)) return;
    exchange.settle(problem);
  }

  return {
    request(message, { background = false } = {}) {
      const exchange = openExchange((notice) => {
        if (correlator.drop(message) && notice !== undefined) void tasks.run(post(notice));
      });
      if (message.method !== "initialize" && ended !== undefined && opening === undefined) {
        const hint = "the request was not sent, since the stream had ended before; start the session again";
        exchange.settle({ kind: "not_sent", failure: { ...ended, hint } });
      }
      void tasks.run(carry(message, exchange, background));
      return exchange;
    },
    async notify(message) {
      if (ended !== undefined && opening === undefined) return ended;
      const problem = await tasks.run(post(message));
      return problem !== undefined && "failure" in problem ? problem.failure : undefined;
    },
    listen(it) {
      listener = it;
    },
    async drop() {
      const opened = await opening;
      if (opened === undefined || !("postTo" in opened)) return;
      opened.abort.abort();
      await opened.over;
    },
    async close() {
      if (closing.signal.aborted) return;
      // What leaves may still leave; where there is nothing to post to yet, nothing does.
      if (streaming) await tasks.settled(CLOSE_MS);
      closing.abort();
      limits.stop();
      const opened = await opening;
      if (opened !== undefined && "postTo" in opened) await opened.over;
    },
  };
}

/** Resolves the address of an `endpoint` event, which must be of the stream's own origin. */
export function postAddress(where: string, stream: URL): URL | undefined {
  if (!URL.canParse(where, stream)) return undefined;
  const url = new URL(where, stream);
  return url.origin === stream.origin ? url : undefined;
}
