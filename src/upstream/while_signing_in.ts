import { notification, request as newRequest } from "../jsonrpc/answers.ts";
import { edit, textAt, withId } from "../jsonrpc/edit.ts";
import { type Id, idKey } from "../jsonrpc/id.ts";
import { Message } from "../jsonrpc/message.ts";
import { type OpenExchange, openExchange } from "../link/exchange.ts";
import type { Failure } from "../link/failure.ts";
import type { Exchange, Outcome, Peer, Receive, RequestOptions } from "../link/peer.ts";
import type { SignIn } from "../link/sign_in.ts";
import { inputRequired } from "../mcp/as_modern.ts";
import { claimOf } from "../mcp/claim.ts";
import {
  earlyDiscoverResult,
  earlyInitializeResult,
  type KnownServer,
  unknownServer,
} from "../mcp/early_answers.ts";
import { readEnvelope } from "../mcp/envelope.ts";
import { asObject } from "../mcp/revision.ts";
import { LIST_CHANGES, readFilter, tagged } from "../mcp/subscriptions.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Session } from "./session.ts";

/** What {@linkcode whileSigningIn} needs. */
export interface WhileSigningInOptions {
  /** The server. */
  readonly next: Peer;
  /** Takes what the client is told unasked. */
  readonly tell: Receive;
  readonly signIn: SignIn;
  /** What the legacy client has established. */
  readonly session: () => Session;
  /** What is known of the server from the last time. */
  readonly known: () => Promise<KnownServer | undefined>;
  /** The endpoint, for logs. */
  readonly endpoint: string;
  /** The name of a server that is not known. */
  readonly host: string;
  readonly logger: Logger;
}

/** The methods in which a modern client may be asked to open a URL (S/2026-07-28/basic/patterns/mrtr). */
const MAY_ASK: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "resources/read"]);
/** What a client hands back with which it was asked to sign in; nothing depends on it. */
const STATE = '"mcp-connect-sign-in"';
const QUESTION = "sign-in";

/** What is done while the user signs in. */
export interface WhileSigningIn {
  request(message: Message, options: RequestOptions): Exchange;
  notify(message: Message, options: Parameters<Peer["notify"]>[1]): Promise<Failure | undefined>;
  /** Takes over a request that has failed with `LOGIN_REQUIRED`. */
  take(message: Message, options: RequestOptions, exchange: OpenExchange, outcome: Outcome): void;
}

/**
 * Does not make the client wait while the user signs in: what begins a conversation is answered with what is known of the
 * server, the client is shown where to sign in if it can show that, and told that all lists have changed once the user has.
 * What needs the server fails with `LOGIN_REQUIRED` until then.
 */
export function whileSigningIn(options: WhileSigningInOptions): WhileSigningIn {
  const { next, tell, signIn, session, endpoint, host, logger } = options;
  /** The legacy client was answered before the server was asked. */
  let early = false;
  /** The legacy client was told that the user has to sign in. */
  let told = false;
  /** Requests that wait for the sign-in, however long that takes. */
  let waiting: (() => void)[] = [];
  /** Our own questions to the client. */
  const asked = new Set<string>();
  /** What the legacy client was asked to show. */
  let shown: { readonly url: string; readonly elicitationId: string } | undefined;
  let lastId = 0;
  const newId = (what: string): Id => `"mcp-connect-${what}-${++lastId}"`;

  signIn.listen({
    shown() {
      if ((early || told) && session().initialized) askClient();
    },
    signedIn() {
      const those = waiting;
      waiting = [];
      for (const goOn of those) goOn();
      if (shown !== undefined) {
        // Whoever shows it can stop.
        void tell(notification("notifications/elicitation/complete", { elicitationId: shown.elicitationId }));
        shown = undefined;
      }
      if (early) void goOnWithServer();
      else if (told) tellChanges();
    },
  });

  /** The server is asked what the client was told: whatever that changes is made good for below. */
  async function goOnWithServer(): Promise<void> {
    const outcome = await next.request(newRequest(newId("signed-in"), "ping"), { probe: true }).outcome;
    if (isLoginRequired(outcome)) return;
    early = false;
    tellChanges();
  }

  /** Whatever the client has asked for in vain, it asks for again. */
  function tellChanges(): void {
    told = false;
    logger.info("signed in: the client is told that the lists have changed", { endpoint });
    const { capabilities } = session();
    for (const [, method, owner] of LIST_CHANGES) {
      if (capabilities[owner] !== undefined) void tell(notification(method));
    }
  }

  function request(message: Message, requestOptions: RequestOptions): Exchange {
    const plain = withoutRound(message);
    const present = next.request(plain, requestOptions);
    const exchange = openExchange((notice) => present.cancel(notice), () => present.held === true);
    present.whenOver((outcome) => take(message, requestOptions, exchange, outcome));
    return exchange;
  }

  function take(
    message: Message,
    requestOptions: RequestOptions,
    exchange: OpenExchange,
    outcome: Outcome,
  ): void {
    if (exchange.settled) return;
    if (!isLoginRequired(outcome)) {
      if (message.method === "initialize") early = false;
      return exchange.settle(outcome);
    }
    if (message.method !== "subscriptions/listen") {
      return void inItsPlace(message, outcome).then(exchange.settle);
    }
    const goOn = () => {
      if (exchange.settled) return;
      const receive = withChanges(message.id!, requestOptions.receive ?? tell);
      const sent = next.request(message, { ...requestOptions, receive });
      sent.whenOver((it) => take(message, requestOptions, exchange, it));
    };
    // Without a sign-in under way it is refused for good.
    if (signIn.pending) waiting.push(goOn);
    else exchange.settle(outcome);
  }

  async function inItsPlace(message: Message, outcome: Outcome): Promise<Outcome> {
    // A sign-in that came to nothing is no reason to pretend: the client is told why.
    const answer = signIn.pending || signIn.used ? await answerFor(message) : undefined;
    if (answer === undefined) {
      if (claimOf(message).kind === "modern") return outcome;
      told = true;
      if (session().initialized) askClient();
      return outcome;
    }
    logger.info(`${message.method} is answered before the user has signed in`, { endpoint });
    // It may have come to its end in this very moment.
    if (early && !signIn.pending) void goOnWithServer();
    return { kind: "answered", message: answer };
  }

  async function answerFor(message: Message): Promise<Message | undefined> {
    const known = async () => await options.known() ?? unknownServer(host);
    if (message.method === "initialize") {
      early = true;
      return earlyInitializeResult(message, await known());
    }
    if (claimOf(message).kind !== "modern") return undefined;
    if (message.method === "server/discover") return earlyDiscoverResult(message.id!, await known());
    const { elicitation } = asObject(JSON.parse(readEnvelope(message).capabilities));
    const url = signIn.url;
    if (url === undefined || !MAY_ASK.has(message.method!) || asObject(elicitation).url === undefined) {
      return undefined;
    }
    const question = `{"method":"elicitation/create","params":${urlParams(url)}}`;
    return inputRequired(message.id!, [[QUESTION, question]], STATE, (await known()).serverInfo);
  }

  function urlParams(url: string, more: Readonly<Record<string, string>> = {}): string {
    return JSON.stringify({ mode: "url", message: `Sign in to use ${host}.`, url, ...more });
  }

  /** A legacy client that can show URLs is asked once for each sign-in (S/2025-11-25/client/elicitation). */
  function askClient(): void {
    const { initialize, revision } = session();
    const { url } = signIn;
    if (url === undefined || url === shown?.url || revision === undefined || revision < "2025-11-25") return;
    const capabilities = asObject(asObject(initialize?.parsed("params")).capabilities);
    if (asObject(capabilities.elicitation).url === undefined) return;
    shown = { url, elicitationId: crypto.randomUUID() };
    const id = newId("sign-in");
    asked.add(idKey(id));
    const params = urlParams(url, { elicitationId: shown.elicitationId });
    void tell(
      Message.fromText(`{"jsonrpc":"2.0","id":${id},"method":"elicitation/create","params":${params}}`),
    );
  }

  return {
    request,
    take,
    async notify(message, notifyOptions) {
      if (message.isAnswer && asked.delete(idKey(message.id!))) return undefined;
      if (early && message.method === "notifications/initialized") {
        // The server is told when the session is established there.
        askClient();
        return undefined;
      }
      return await next.notify(message, notifyOptions);
    },
  };
}

function isLoginRequired(outcome: Outcome): boolean {
  return "failure" in outcome && outcome.failure.code === "LOGIN_REQUIRED";
}

/** Says behind the acknowledgement of a subscription that what it is for has changed, as it has for a client that waited. */
function withChanges(id: Id, receive: Receive): Receive {
  return (message) => {
    const said = receive(message);
    if (message.method !== "notifications/subscriptions/acknowledged") return said;
    const filter = readFilter(message.parsed("params"));
    for (const [name, method] of LIST_CHANGES) {
      if (filter[name] === true) void receive(tagged(notification(method), id));
    }
    return said;
  };
}

/** The request as it was before its client was asked to sign in. */
function withoutRound(message: Message): Message {
  if (!MAY_ASK.has(message.method!) || textAt(message, ["params", "requestState"]) !== STATE) return message;
  return edit(withId(message, message.id!), [
    { path: ["params", "requestState"], value: undefined },
    { path: ["params", "inputResponses"], value: undefined },
  ]);
}
