/**
 * A proxy that spoils things, at random but by a seed: it stands in front of a real server and refuses connections, delays,
 * cuts before and after the request has run, stalls, truncates, sends events twice, holds streams up and rewrites statuses.
 */
import { type RawHttpServer, type RawReply, type RawRequest, startRawHttp } from "./raw_http.ts";
import { ConnectionGone, listenRaw, type RawConnection, type RawListener } from "./raw_socket.ts";
import { randomNumbers } from "./storm.ts";
import { isRequest, type WireMessage } from "./wire_message.ts";

/** What may happen to a request; each with its probability. What is not named never happens. */
export interface FaultRates {
  /** The request waits a few milliseconds. */
  readonly delay?: number;
  /** Nothing happens for {@linkcode FaultOptions.stallMs}; then it goes on. */
  readonly stall?: number;
  /** The connection is cut, and the request has not reached the server. */
  readonly cutBefore?: number;
  /** The request has run; then the connection is cut, and its answer is lost. */
  readonly cutAfter?: number;
  /** The answer breaks off in the middle. */
  readonly truncate?: number;
  /** The events of the answer's stream come twice. */
  readonly duplicate?: number;
  /** The answer's stream is held up, so that others overtake it. */
  readonly hold?: number;
  /** 429 with `Retry-After`, in seconds or as a date; the request has not reached the server. */
  readonly tooMany?: number;
  /** 503 with `Retry-After`, in seconds or as a date; the request has not reached the server. */
  readonly unavailable?: number;
  /** A bare 502, 503 or 504; the request has not reached the server. */
  readonly gatewayBefore?: number;
  /** A bare 502, 503 or 504; the request has run. */
  readonly gatewayAfter?: number;
  /** 404: the session is unknown; the request has not reached the server. */
  readonly sessionUnknown?: number;
  /** All connections break, and no new one is taken for {@linkcode FaultOptions.outageMs}. */
  readonly outage?: number;
}

/** How a fault proxy is set up. */
export interface FaultOptions {
  /** The port of the server behind it, on this machine. */
  readonly target: number;
  readonly seed: number;
  readonly rates: FaultRates;
  /** @default 300 */
  readonly stallMs?: number;
  /** @default 30 */
  readonly outageMs?: number;
}

/** A fault proxy at work. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** How often each fault has happened. */
  readonly counts: Readonly<Record<keyof FaultRates, number>>;
  /** How many clients' connections are open. */
  open(): number;
  close(): Promise<void>;
}

type Fault = keyof FaultRates;
type Counts = Record<Fault, number>;

function noCounts(): Counts {
  return {
    delay: 0,
    stall: 0,
    cutBefore: 0,
    cutAfter: 0,
    truncate: 0,
    duplicate: 0,
    hold: 0,
    tooMany: 0,
    unavailable: 0,
    gatewayBefore: 0,
    gatewayAfter: 0,
    sessionUnknown: 0,
    outage: 0,
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A number for a text (FNV-1a). */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}

/** Texts whose repetitions are counted. */
const REMEMBERED = 10_000;

/** The dice of one message: the same for the same message, sent for the same time, whatever comes before it. */
function dice(seed: number): (text: string) => () => number {
  const times = new Map<number, number>();
  return (text) => {
    const key = hash(text);
    const time = (times.get(key) ?? 0) + 1;
    times.set(key, time);
    if (times.size > REMEMBERED) times.delete(times.keys().next().value!);
    return randomNumbers(seed ^ key ^ Math.imul(time, 0x9e3779b1));
  };
}

/** The fault that a message meets: one at most. */
function choose(rates: FaultRates, random: () => number): Fault | undefined {
  let rest = random();
  for (const [fault, rate] of Object.entries(rates) as [Fault, number][]) {
    rest -= rate;
    if (rest < 0) return fault;
  }
  return undefined;
}

/** Headers that belong to one connection. */
const HOP = new Set(["host", "connection", "content-length", "transfer-encoding", "accept-encoding"]);

/** Puts a {@linkcode FaultProxy} in front of an HTTP server. */
export async function startFaultProxy(options: FaultOptions): Promise<FaultProxy> {
  const { target, rates, stallMs = 300, outageMs = 30 } = options;
  const counts = noCounts();
  const roll = dice(options.seed);
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 64 });
  const forwarding = new Set<Promise<unknown>>();
  let closed = false;
  let outage: Promise<void> | undefined;

  function forward(request: RawRequest, signal: AbortSignal): Promise<Response> {
    const headers = new Headers();
    for (const [name, value] of request.headers) if (!HOP.has(name)) headers.set(name, value);
    return fetch(`http://127.0.0.1:${target}${request.path}`, {
      method: request.method,
      headers,
      redirect: "manual",
      client,
      signal,
      ...(request.bytes.length === 0 ? {} : { body: new Uint8Array(request.bytes) }),
    });
  }

  async function handle(request: RawRequest, reply: RawReply): Promise<void> {
    const random = roll(`${request.method} ${request.body}`);
    const fault = choose(rates, random);
    if (fault !== undefined) counts[fault]++;
    const later = { "retry-after": random() < 0.5 ? "0" : new Date(Date.now() - 500).toUTCString() };
    const gateway = [502, 503, 504][Math.floor(random() * 3)]!;
    switch (fault) {
      case "outage":
        outage ??= renew();
        break;
      case "delay":
        await sleep(1 + random() * 20);
        break;
      case "stall":
        await sleep(stallMs);
        break;
      case "cutBefore":
        return random() < 0.5 ? reply.reset() : reply.drop();
      case "tooMany":
        return await reply.status(429, "", later);
      case "unavailable":
        return await reply.status(503, "", later);
      case "gatewayBefore":
        return await reply.status(gateway);
      case "sessionUnknown":
        if (request.message.method === "initialize") break;
        return await reply.error(-32001, "Session not found", undefined, { status: 404 });
    }
    const abort = new AbortController();
    void request.gone.then(() => abort.abort());
    try {
      const response = await forward(request, abort.signal);
      if (fault === "cutAfter" || fault === "gatewayAfter") {
        // A stream of the server's own has no end to wait for.
        if (request.method === "GET") await response.body?.cancel();
        else await response.arrayBuffer();
        if (fault === "gatewayAfter") return await reply.status(gateway);
        return random() < 0.5 ? reply.reset() : reply.drop();
      }
      if (fault === "hold") await sleep(5 + random() * 60);
      await passOn(response, reply, fault, random);
    } catch (error) {
      if (error instanceof ConnectionGone || abort.signal.aborted) return;
      reply.reset();
    }
  }

  async function serve(port: number): Promise<RawHttpServer> {
    return await startRawHttp((request, reply) => {
      const done = handle(request, reply).finally(() => forwarding.delete(done));
      forwarding.add(done);
      return done;
    }, { port });
  }

  let server = await serve(0);
  const { port } = server;

  /** Breaks everything, and is back after a while. */
  async function renew(): Promise<void> {
    await server.close();
    await sleep(outageMs);
    if (!closed) server = await serve(port);
    outage = undefined;
  }

  async function close(): Promise<void> {
    closed = true;
    await outage;
    await server.close();
    await Promise.allSettled(forwarding);
    client.close();
  }

  return { port, counts, open: () => server.open(), close, [Symbol.asyncDispose]: close };
}

/** Passes a response on, spoilt as `fault` says. */
async function passOn(
  response: Response,
  reply: RawReply,
  fault: Fault | undefined,
  random: () => number,
): Promise<void> {
  const headers: Record<string, string> = {};
  for (const [name, value] of response.headers) {
    if (!HOP.has(name) && name !== "content-type") headers[name] = value;
  }
  const { status } = response;
  const contentType = response.headers.get("content-type") ?? "";
  if (!contentType.startsWith("text/event-stream") || response.body === null) {
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (bytes.length === 0) return await reply.status(status, "", headers);
    const truncateAt = fault === "truncate" ? Math.floor(random() * bytes.length) : undefined;
    return await reply.body(bytes, {
      status,
      headers,
      contentType,
      ...(truncateAt === undefined ? {} : { truncateAt }),
    });
  }
  const stream = await reply.sse({ status, headers });
  /** Where the stream breaks off, in characters. */
  let left = fault === "truncate" ? Math.floor(random() * 300) : Infinity;
  let rest = "";
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const events = (rest + text).split("\n\n");
    rest = events.pop()!;
    for (const event of events) {
      for (let time = 0; time < (fault === "duplicate" ? 2 : 1); time++) {
        const whole = `${event}\n\n`;
        await stream.raw(whole.slice(0, left));
        left -= whole.length;
        if (left <= 0) return random() < 0.5 ? stream.reset() : stream.drop();
      }
    }
  }
  if (left !== Infinity) return stream.drop();
  await stream.end();
}

/** Puts a {@linkcode FaultProxy} in front of a server of newline-delimited messages. It knows no statuses and no events. */
export async function startFaultLineProxy(options: FaultOptions): Promise<FaultProxy> {
  const { target, rates, stallMs = 300, outageMs = 30 } = options;
  const counts = noCounts();
  const roll = dice(options.seed);
  let closed = false;
  let outage: Promise<void> | undefined;

  async function serve(client: RawConnection): Promise<void> {
    const server = await Deno.connect({ hostname: "127.0.0.1", port: target });
    /** Requests whose answers are not to arrive whole. */
    const doomed = new Map<unknown, Fault>();
    const writer = server.writable.getWriter();
    let over = false;
    const cut = () => {
      if (over) return;
      over = true;
      client.reset();
      server.close();
    };
    void client.closed.then(cut);

    async function forth(line: string): Promise<void> {
      const message = JSON.parse(line) as WireMessage;
      const random = roll(line);
      const fault = isRequest(message) ? choose(rates, random) : undefined;
      if (fault !== undefined) counts[fault]++;
      if (fault === "delay") await sleep(1 + random() * 10);
      if (fault === "stall") await sleep(stallMs);
      if (fault === "outage") outage ??= renew();
      if (fault === "cutBefore") return cut();
      if (fault === "cutAfter" || fault === "truncate" || fault === "duplicate") {
        doomed.set(message.id, fault);
      }
      await writer.write(new TextEncoder().encode(`${line}\n`));
    }

    async function back(line: string): Promise<void> {
      const { id, method } = JSON.parse(line) as WireMessage;
      const fault = method === undefined ? doomed.get(id) : undefined;
      doomed.delete(id);
      if (fault === "cutAfter") return cut();
      if (fault === "truncate") {
        await client.write(line.slice(0, line.length >> 1));
        return cut();
      }
      await client.write(`${line}\n`);
      if (fault === "duplicate") await client.write(`${line}\n`);
    }

    const backwards = eachLine(async () => {
      const buffer = new Uint8Array(64 * 1024);
      const count = await server.read(buffer);
      return count === null ? null : buffer.subarray(0, count);
    }, back);
    await Promise.allSettled([eachLine(client.read, forth).finally(cut), backwards.finally(cut)]);
    writer.releaseLock();
    cut();
  }

  let listener: RawListener = await listenRaw(serve);
  const { port } = listener;

  async function renew(): Promise<void> {
    await listener.close();
    await sleep(outageMs);
    if (!closed) listener = await listenRaw(serve, { port });
    outage = undefined;
  }

  async function close(): Promise<void> {
    closed = true;
    await outage;
    await listener.close();
  }

  return { port, counts, open: () => listener.open.size, close, [Symbol.asyncDispose]: close };
}

async function eachLine(
  read: () => Promise<Uint8Array | null>,
  take: (line: string) => Promise<void>,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for (let chunk = await read(); chunk !== null; chunk = await read()) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) if (line !== "") await take(line);
  }
}
