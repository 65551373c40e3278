/** A request that left before there was anybody to send it: whoever would send it is given its response. */
export interface SentAhead {
  /** What it was sent with, whose connection is of use for what follows. */
  readonly client: Deno.HttpClient;
  readonly url: URL;
  /** All headers, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The response to it, to be called once; rejects as `fetch` does. */
  readonly response: () => Promise<Response>;
  /** Gives it up. */
  readonly abort: () => void;
}

/** A request that is to be sent. */
export interface Wanted {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly signal: AbortSignal;
}

/** The response to a request, where it is the very one that has been sent; one that is another is given up. */
export function responseFor(wanted: Wanted, sent: SentAhead): Promise<Response> | undefined {
  if (!isSame(wanted, sent)) {
    sent.abort();
    return undefined;
  }
  if (wanted.signal.aborted) sent.abort();
  wanted.signal.addEventListener("abort", sent.abort, { once: true });
  return sent.response();
}

function isSame({ method, url, headers, body }: Wanted, sent: SentAhead): boolean {
  const names = Object.keys(headers);
  return method === "POST" && url.href === sent.url.href && body !== undefined &&
    body.length === sent.body.length && body.every((byte, i) => byte === sent.body[i]) &&
    names.length === Object.keys(sent.headers).length &&
    names.every((name) => headers[name] === sent.headers[name]);
}
