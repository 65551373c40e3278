import { notification, request as newRequest } from "../../jsonrpc/answers.ts";
import { edit, textAt } from "../../jsonrpc/edit.ts";
import { textFinder } from "../../jsonrpc/includes.ts";
import type { Message } from "../../jsonrpc/message.ts";
import type { HeaderParam } from "../../mcp/mcp_headers.ts";
import { ModernErrorCode } from "../../mcp/modern.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { openExchange } from "../exchange.ts";
import { pause } from "../pause.ts";
import type { Exchange, Layer, Outcome, Peer, RequestOptions } from "../peer.ts";

/** What {@linkcode mirroredParams} needs. */
export interface MirroredParamsOptions {
  /** The endpoint, for logs. */
  readonly endpoint: string;
  readonly logger: Logger;
  /**
   * How long listing the tools may take after a server has missed a header, in milliseconds.
   * @default 30_000
   */
  readonly listMs?: number;
}

/** What a session's lists have told. */
interface Known {
  /** The arguments to mirror, of tools that have such. */
  readonly tools: Map<string, readonly HeaderParam[]>;
  /** The server has missed a header: it wants names as well. */
  strict: boolean;
  /** Pages that are being read; what is called in the meantime waits. */
  reading: Promise<void> | undefined;
  /** The tools are being listed by ourselves. */
  listing: Promise<void> | undefined;
}

/** Finds the annotation of a schema; a list without it is not looked into. */
const isAnnotated = textFinder("x-mcp-header");

/** Requests whose headers may say what the body says. */
const NAMED: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "resources/read"]);

/** Pages of tools that are listed at most. */
const MOST_PAGES = 256;
const LIST_MS = 30_000;

/**
 * A layer that mirrors arguments into headers where a server of the legacy era wants that: hosted servers enforce
 * `Mcp-Param-…` there, too (S/2026-07-28/basic/transports/streamable-http, Custom Headers from Tool Parameters). Which ones
 * is taken from the lists that the client fetches. Where a server misses a header nevertheless, its tools are listed once,
 * and the request is sent again. What belongs to no session is modern, has its headers, and is left alone.
 */
export function mirroredParams(options: MirroredParamsOptions): Layer {
  return (next) => mirroring(options, next);
}

function mirroring({ endpoint, logger, listMs = LIST_MS }: MirroredParamsOptions, next: Peer): Peer {
  let now = nothingKnown();
  // No client's ids are like these.
  const mark = crypto.randomUUID().slice(0, 8);
  let lastId = 0;

  /** Takes note of a page that the client has asked for. */
  function note(known: Known, asked: Message, outcome: Outcome): void {
    if (outcome.kind !== "answered" || outcome.message.result === undefined) return;
    const page = outcome.message;
    const annotated = isAnnotated(page.bytes);
    if (!annotated && known.tools.size === 0 && known.reading === undefined) return;
    const first = textAt(asked, ["params", "cursor"]) === undefined;
    // Not before the client has its answer.
    const mine = known.reading = (known.reading ?? Promise.resolve()).then(async () => {
      const found = annotated ? await annotatedTools(page) : [];
      if (first) known.tools.clear();
      for (const [name, params] of found) known.tools.set(name, params);
      if (known.reading === mine) known.reading = undefined;
    });
  }

  /** The arguments to mirror of the tools on a page; a tool that says so wrongly has none, and stays. */
  async function annotatedTools(page: Message): Promise<[name: string, params: readonly HeaderParam[]][]> {
    const { readAnnotations } = await import("./read_annotations.ts");
    return readAnnotations(page, (tool, why) => {
      logger.debug("no argument is mirrored into headers", { endpoint, tool: tool.slice(0, 200), why });
    });
  }

  /** Lists all tools. What can't be found out stays as it was. */
  async function listTools(known: Known): Promise<void> {
    const due = performance.now() + listMs;
    const found = new Map<string, readonly HeaderParam[]>();
    let cursor: string | undefined;
    for (let page = 0; page < MOST_PAGES; page++) {
      const id = `"mcp-connect-headers-${mark}-${++lastId}"`;
      const plain = newRequest(id, "tools/list", {});
      const ask = edit(plain, [{ path: ["params", "cursor"], value: cursor }]);
      const outcome = await within(next.request(ask), ask, due - performance.now());
      if (outcome.kind !== "answered" || outcome.message.kind !== "result") return;
      for (const [name, params] of await annotatedTools(outcome.message)) found.set(name, params);
      cursor = textAt(outcome.message, ["result", "nextCursor"]);
      if (cursor === undefined || cursor === "null") break;
    }
    known.tools.clear();
    for (const [name, params] of found) known.tools.set(name, params);
  }

  /** Sends what headers may tell of. */
  function named(message: Message, requestOptions: RequestOptions | undefined): Exchange {
    const known = now;
    let present: Exchange | undefined;
    let sent: Readonly<Record<string, string>> = {};
    let repeated = false;
    const exchange = openExchange(
      (notice) => present?.cancel(notice),
      () => present === undefined || present.held === true,
    );

    function send(headers: Readonly<Record<string, string>>): void {
      sent = headers;
      const more = Object.keys(headers).length === 0
        ? requestOptions
        : { ...requestOptions, headers: { ...requestOptions?.headers, ...headers } };
      present = next.request(message, more);
      present.whenOver(take);
    }

    function take(outcome: Outcome): void {
      if (exchange.settled) return;
      if (repeated || !missesHeader(outcome)) return exchange.settle(outcome);
      repeated = true;
      void again(outcome);
    }

    async function again(outcome: Outcome): Promise<void> {
      logger.debug("the server misses a header", { endpoint, method: message.method });
      known.strict = true;
      if (message.method === "tools/call") {
        await (known.listing ??= listTools(known).finally(() => known.listing = undefined));
      }
      const headers = await headersFor(known, message);
      if (exchange.settled) return;
      // What it has had already would be refused again.
      if (known !== now || JSON.stringify(headers) === JSON.stringify(sent)) return exchange.settle(outcome);
      send(headers);
    }

    async function sendLater(): Promise<void> {
      await known.reading;
      const headers = await headersFor(known, message);
      if (!exchange.settled) send(headers);
    }

    if (known.reading === undefined && known.tools.size === 0 && !known.strict) send({});
    else void sendLater();
    return exchange;
  }

  return {
    ...next,
    request(message, requestOptions) {
      if (requestOptions?.final === true) return next.request(message, requestOptions);
      const { method } = message;
      if (NAMED.has(method!)) return named(message, requestOptions);
      if (method === "initialize") now = nothingKnown();
      const exchange = next.request(message, requestOptions);
      if (method === "tools/list") {
        const known = now;
        exchange.whenOver((outcome) => note(known, message, outcome));
      }
      return exchange;
    },
  };
}

function nothingKnown(): Known {
  return { tools: new Map(), strict: false, reading: undefined, listing: undefined };
}

/** The headers of a request: a server that wants arguments mirrored wants the name as well. */
async function headersFor({ tools, strict }: Known, message: Message): Promise<Record<string, string>> {
  const name = message.method === "tools/call" ? textAt(message, ["params", "name"]) : undefined;
  const params = name?.startsWith('"') ? tools.get(JSON.parse(name)) : undefined;
  if (params === undefined && !strict) return {};
  const { mirroredHeaders } = await import("../../mcp/mcp_headers.ts");
  return mirroredHeaders(message, params ?? []);
}

/** Tells whether the server has refused a request for a header, whatever status it says so with. */
function missesHeader(outcome: Outcome): boolean {
  const answer = outcome.kind === "answered"
    ? outcome.message
    : outcome.kind === "refused" || outcome.kind === "session_unknown"
    ? outcome.answer
    : undefined;
  return answer?.kind === "error" &&
    Number(textAt(answer, ["error", "code"])) === ModernErrorCode.HeaderMismatch;
}

/** The outcome of a request of ours, which is given up after a while. */
function within(exchange: Exchange, asked: Message, ms: number): Promise<Outcome> {
  const over = new AbortController();
  exchange.whenOver(() => over.abort());
  const notice = () => notification("notifications/cancelled", { requestId: JSON.parse(asked.id!) });
  void pause(ms, over.signal).then((late) => late && exchange.cancel(notice()));
  return exchange.outcome;
}
