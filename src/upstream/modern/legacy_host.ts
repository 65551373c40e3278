import { notification } from "../../jsonrpc/answers.ts";
import type { Message } from "../../jsonrpc/message.ts";
import { failure } from "../../link/failure.ts";
import { within } from "../../link/pause.ts";
import type { Outcome, Peer } from "../../link/peer.ts";
import { initializeFor } from "../../mcp/as_legacy.ts";
import { completeServerInfo } from "../../mcp/discover.ts";
import type { ClientFacts } from "../../mcp/envelope.ts";
import { asObject, LEGACY_REVISIONS, readInitializeResult } from "../../mcp/revision.ts";
import { textAt } from "../../jsonrpc/edit.ts";
import { VERSION } from "../../version.ts";
import { afterAnswer, afterMessage, NO_SESSION, type Session } from "../session.ts";

/** What a {@linkcode legacyHost} needs. */
export interface LegacyHostOptions {
  /**
   * Opens the wire to the server, with what keeps a session alive there around it.
   *
   * @param session what has been established
   * @param replayed to be called when it was established again
   */
  readonly open: (session: () => Session, replayed: () => void) => Promise<Peer>;
  /** What the client can do: the JSON text of its capabilities, and who it is. */
  readonly client: Pick<ClientFacts, "capabilities" | "info">;
  /** The session has been established again: something may have been missed. */
  readonly replayed: () => void;
  /** Takes what the server says that belongs to no request, and its questions. */
  readonly receive: (message: Message) => void | Promise<void>;
  /** How long the handshake may take, in milliseconds. */
  readonly timeoutMs: number;
  /** The endpoint, for errors. */
  readonly endpoint: string;
  /** The name of a server that does not give its own. */
  readonly host: string;
}

/** A session of our own with a legacy server, for clients that have none. */
export interface LegacyHost {
  /** What the session was begun with. */
  readonly capabilities: Readonly<Record<string, unknown>>;
  /** There once the session has been established: the server's answer to `initialize`. */
  readonly welcome: Message | undefined;
  /** What the server says of itself, as JSON text. */
  readonly serverInfo: string;
  /** What the server can do. */
  readonly serverCapabilities: Readonly<Record<string, unknown>>;
  /**
   * Establishes the session, unless that was done.
   *
   * @returns why it could not be
   */
  begin(): Promise<Outcome | undefined>;
  /** The server; only once {@linkcode begin} has said that it is there. */
  readonly peer: Peer;
  /** Takes note of what has been established in it: subscriptions, the log level. */
  note(request: Message, answer: Message): void;
  /** The level of log messages the server was asked for. */
  readonly logLevel: string | undefined;
  /** Ends it. Idempotent. */
  close(): Promise<void>;
}

/** How this program introduces itself where a client does not. */
const OURSELVES = JSON.stringify({ name: "mcp-connect", version: VERSION });

/** Makes a {@linkcode LegacyHost}. Nothing leaves before {@linkcode LegacyHost.begin}. */
export function legacyHost(options: LegacyHostOptions): LegacyHost {
  const { endpoint, timeoutMs } = options;
  let session: Session = NO_SESSION;
  let welcome: Message | undefined;
  /** What the welcome says of the server; read when it is first needed. */
  let serverInfo: string | undefined;
  let peer: Peer | undefined;
  let beginning: Promise<Outcome | undefined> | undefined;
  let opening: Promise<Peer> | undefined;
  let closed = false;
  let greetings = 0;

  async function establish(): Promise<Outcome | undefined> {
    peer = await (opening ??= open());
    const id = `"mcp-connect-initialize-${++greetings}"`;
    const { capabilities, info } = options.client;
    const initialize = initializeFor(id, capabilities, info, OURSELVES);
    const exchange = peer.request(initialize, { receive: options.receive });
    const late = !await within(exchange.outcome, timeoutMs);
    if (late) exchange.cancel();
    const outcome = await exchange.outcome;
    if (outcome.kind === "cancelled") {
      const why = `no answer to initialize within ${timeoutMs / 1000} s`;
      return { kind: "not_sent", failure: failure("CONNECT_TIMEOUT", endpoint, why) };
    }
    if (outcome.kind !== "answered") return outcome;
    const said = readInitializeResult(outcome.message);
    const revision = said?.protocolVersion;
    if (revision === undefined || !LEGACY_REVISIONS.some((known) => known === revision)) {
      return refusedAsOther(outcome.message, revision);
    }
    welcome = outcome.message;
    serverInfo = undefined;
    session = afterAnswer(afterMessage(NO_SESSION, initialize), initialize, welcome);
    const initialized = notification("notifications/initialized");
    session = afterMessage(session, initialized);
    const failed = await peer.notify(initialized);
    return failed === undefined ? undefined : { kind: "not_sent", failure: failed };
  }

  function open(): Promise<Peer> {
    return options.open(() => session, options.replayed).then((it) => {
      it.listen({ receive: options.receive });
      return it;
    });
  }

  function refusedAsOther(answer: Message, revision: string | undefined): Outcome {
    const what = revision === undefined
      ? `it answers initialize with ${answer.textOf("error")?.slice(0, 300) ?? "a result without a revision"}`
      : `it chose the revision ${revision.slice(0, 40)}`;
    return {
      kind: "refused",
      failure: failure("NOT_MCP", endpoint, `the server speaks no revision that is known here: ${what}`),
      status: undefined,
      answer: undefined,
    };
  }

  return {
    capabilities: asObject(JSON.parse(options.client.capabilities)),
    get welcome() {
      return welcome;
    },
    get serverInfo() {
      return serverInfo ??= completeServerInfo(
        welcome === undefined ? undefined : textAt(welcome, ["result", "serverInfo"]),
        options.host,
      );
    },
    get serverCapabilities() {
      return session.capabilities;
    },
    begin() {
      return beginning ??= establish().then((problem) => {
        // It is tried again by whoever asks next.
        if (problem !== undefined) beginning = undefined;
        return problem;
      });
    },
    get peer() {
      return peer!;
    },
    note(request, answer) {
      session = afterAnswer(session, request, answer);
    },
    get logLevel() {
      return session.logLevel;
    },
    async close() {
      if (closed) return;
      closed = true;
      await (await opening)?.close();
    },
  };
}
