import { BrowserError } from "./browser_error.ts";
import { type CallbackPlace, judgeCallback } from "./callback_request.ts";
import { type CallbackResponse, type HttpConnection, httpConnection } from "./http_connection.ts";
import { sameText } from "../same_text.ts";

/** How a sign-in ended. */
export type SignInOutcome = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** What the person's browser is to show. */
export type CallbackPage =
  /** The sign-in is over, one way or the other. */
  | SignInOutcome
  /** The answer was taken before. */
  | "used"
  /** It is no answer to what was asked: no `state`, another one, or two. */
  | "unexpected"
  /** Nobody waits any more. */
  | "late";

/** What came of a would-be answer. */
export type Offered = "taken" | "used" | "unexpected" | "late";

/** Options of {@linkcode serveCallback}. */
export interface CallbackServerOptions extends CallbackPlace {
  readonly listeners: readonly Deno.TcpListener[];
  /** Makes the pages. */
  readonly page: (page: CallbackPage) => CallbackResponse;
  /** Closes it all, at once. */
  readonly signal: AbortSignal;
}

/** The place where the browser comes back, for one sign-in. Disposing of it closes it at once. */
export interface CallbackServer extends AsyncDisposable {
  /**
   * Resolves to the first answer with this `state`; to be called once. Rejects with the reason of `signal`, and with a
   * {@linkcode BrowserError}: `DEADLINE`, `CLOSED`.
   */
  answer(state: string, signal: AbortSignal, deadlineMs: number): Promise<URLSearchParams>;
  /** Takes an answer that came another way. Does nothing with one that does not fit. */
  offer(params: URLSearchParams): Promise<Offered>;
  /** Lets the browser see how it ended; it has been waiting since its answer was taken. Only the first call counts. */
  done(outcome: SignInOutcome): void;
}

/** A page full of requests must not lock the browser out: beyond this number, the oldest that says nothing is closed. */
const MOST_CONNECTIONS = 64;
/** How long the last page may take to leave when all is closed, in milliseconds. */
const LAST_WORD_MS = 250;

/**
 * Serves the place where the browser comes back. Nothing that comes in ends the sign-in but the one answer with the
 * right `state`: not a wrong or missing `state`, nor an error with one, nor anything that is no HTTP.
 */
export function serveCallback(options: CallbackServerOptions): CallbackServer {
  const expected = Promise.withResolvers<string>();
  const taken = Promise.withResolvers<URLSearchParams>();
  const outcome = Promise.withResolvers<SignInOutcome>();
  const closing = new AbortController();
  const connections = new Set<HttpConnection>();
  /** Those of `connections` whose request is not complete. */
  const reading = new Set<HttpConnection>();
  const served = new Set<Promise<void>>();
  /** Those whose browser waits for the outcome. */
  const held = new Set<Promise<void>>();
  let isTaken = false;
  /** The answer that was taken, as it was written. */
  let takenQuery: string | undefined;
  let isOver = false;
  let disposal: Promise<void> | undefined;

  async function offer(params: URLSearchParams): Promise<Offered> {
    const states = params.getAll("state");
    // A browser that is faster than we are waits for us.
    const state = await expected.promise;
    if (states.length !== 1 || state === "" || !sameText(states[0]!, state)) return "unexpected";
    if (isTaken) return "used";
    if (isOver) return "late";
    isTaken = true;
    taken.resolve(params);
    return "taken";
  }

  async function serve(connection: HttpConnection): Promise<void> {
    reading.add(connection);
    const read = await connection.readHead();
    reading.delete(connection);
    if (read === undefined) return connection.close();
    const request = read === "long"
      ? {
        kind: "refused",
        status: 431,
        reason: "Request Header Fields Too Large",
        text: "Too long.",
      } as const
      : judgeCallback(read.head, options);
    if (request.kind === "refused") return await connection.respond(plain(request));
    const offered = await offer(new URLSearchParams(request.query));
    if (offered === "taken") takenQuery = request.query;
    // A reload while the browser waits is the same answer, and gets the same page.
    else if (offered !== "used" || isOver || request.query !== takenQuery) {
      return await connection.respond(options.page(offered));
    }
    const answered = outcome.promise.then((how) => connection.respond(options.page(how)));
    held.add(answered);
    await answered;
    held.delete(answered);
  }

  async function accept(listener: Deno.TcpListener): Promise<void> {
    while (!closing.signal.aborted) {
      let conn: Deno.TcpConn;
      try {
        conn = await listener.accept();
      } catch {
        // No file may be left to be opened. It gets better, or it is the end.
        await pause(100, closing.signal);
        continue;
      }
      const connection = httpConnection(conn);
      connections.add(connection);
      if (connections.size > MOST_CONNECTIONS) (oldest(reading) ?? connection).close();
      const work = serve(connection).finally(() => {
        connection.close();
        connections.delete(connection);
        served.delete(work);
      });
      served.add(work);
    }
  }

  const accepting = options.listeners.map(accept);

  async function close(): Promise<void> {
    isOver = true;
    closing.abort();
    options.signal.removeEventListener("abort", dispose);
    for (const listener of options.listeners) listener.close();
    outcome.resolve({ ok: false, why: "The sign-in was ended before it was complete." });
    taken.reject(new BrowserError("CLOSED", "the sign-in was ended before it was complete"));
    if (held.size > 0) {
      const gone = new AbortController();
      await Promise.race([Promise.all(held), pause(LAST_WORD_MS, gone.signal)]);
      gone.abort();
    }
    for (const connection of connections) connection.close();
    // Whoever came before it was known what to wait for waits no more.
    expected.resolve("");
    await Promise.all([...accepting, ...served]);
  }

  function dispose(): Promise<void> {
    return disposal ??= close();
  }

  taken.promise.catch(() => {});
  if (options.signal.aborted) void dispose();
  else options.signal.addEventListener("abort", dispose, { once: true });

  return {
    offer,
    async answer(state, signal, deadlineMs) {
      expected.resolve(state);
      signal.throwIfAborted();
      const late = Promise.withResolvers<never>();
      const stop = () => late.reject(signal.reason);
      const timer = setTimeout(() => {
        const minutes = Math.max(1, Math.round(deadlineMs / 60_000));
        const within = minutes === 1 ? "a minute" : `${minutes} minutes`;
        late.reject(
          new BrowserError("DEADLINE", `nobody signed in within ${within}`, { hint: "Try again" }),
        );
      }, deadlineMs);
      signal.addEventListener("abort", stop, { once: true });
      try {
        return await Promise.race([taken.promise, late.promise]);
      } catch (error) {
        isOver = true;
        throw options.signal.aborted ? options.signal.reason : error;
      } finally {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
      }
    },
    done(how) {
      isOver = true;
      outcome.resolve(how);
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** The answer to what is no answer: plain, and the same for everyone. */
function plain({ status, reason, text, allow }: {
  readonly status: number;
  readonly reason: string;
  readonly text: string;
  readonly allow?: string;
}): CallbackResponse {
  return {
    status,
    reason,
    headers: {
      "Content-Type": "text/plain; charset=utf-8",
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-store",
      ...(allow === undefined ? {} : { "Allow": allow }),
    },
    body: `${text}\n`,
  };
}

function oldest<T>(set: ReadonlySet<T>): T | undefined {
  for (const item of set) return item;
  return undefined;
}

/** Resolves after `ms` milliseconds, or as soon as `signal` aborts. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal.addEventListener("abort", over, { once: true });
  });
}
