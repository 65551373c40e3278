import { notification, request as newRequest } from "../jsonrpc/answers.ts";
import { edit, textAt, withId } from "../jsonrpc/edit.ts";
import { type Id, idKey } from "../jsonrpc/id.ts";
import { Message } from "../jsonrpc/message.ts";
import { openExchange } from "../link/exchange.ts";
import type { Exchange, Layer, Outcome, PeerListener, RequestOptions } from "../link/peer.ts";
import type { SignIn } from "../link/sign_in.ts";
import { inputRequired } from "../mcp/as_modern.ts";
import { claimOf } from "../mcp/claim.ts";
import {
  earlyDiscoverResult,
  earlyInitializeResult,
  knownFrom,
  type KnownServer,
  unknownServer,
} from "../mcp/early_answers.ts";
import { readEnvelope } from "../mcp/envelope.ts";
import { asObject } from "../mcp/revision.ts";
import { LIST_CHANGES } from "../mcp/subscriptions.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Session } from "./session.ts";

/** What {@linkcode whileSigningIn} needs. */
export interface WhileSigningInOptions {
  readonly signIn: SignIn;
  /** What the legacy client has established. */
  readonly session: () => Session;
  /** What is known of the server from the last time. */
  readonly known: () => Promise<KnownServer | undefined>;
  /** Takes what the server says of itself, for the next time. */
  readonly remember: (known: KnownServer) => void;
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

/**
 * A layer that does not make the client wait while the user signs in: what begins a conversation is answered with what is
 * known of the server, the client is shown where to sign in if it can show that, and told that all lists have changed once
 * the user has. What needs the server fails with `LOGIN_REQUIRED` until then.
 */
export function whileSigningIn(options: WhileSigningInOptions): Layer {
  const { signIn, session, endpoint, host, logger } = options;
  return (next) => {
    let listener: PeerListener | undefined;
    /** The legacy client was answered before the server was asked. */
    let early = false;
    /** Requests that wait for the sign-in, however long that takes. */
    let waiting: (() => void)[] = [];
    /** Our own questions to the client. */
    const asked = new Set<string>();
    let shownUrl: string | undefined;
    let lastId = 0;
    const newId = (what: string): Id => `"mcp-connect-${what}-${++lastId}"`;

    signIn.listen(() => {
      const those = waiting;
      waiting = [];
      for (const goOn of those) goOn();
      if (early) void goOnWithServer();
    });

    /** The server is asked what the client was told: whatever that changes is made good for below. */
    async function goOnWithServer(): Promise<void> {
      const outcome = await next.request(newRequest(newId("signed-in"), "ping"), { probe: true }).outcome;
      if (isLoginRequired(outcome)) return;
      early = false;
      logger.info("signed in: the client is told that the lists have changed", { endpoint });
      const { capabilities } = session();
      for (const [, method, owner] of LIST_CHANGES) {
        if (capabilities[owner] !== undefined) void listener?.receive(notification(method));
      }
    }

    function request(message: Message, requestOptions: RequestOptions = {}): Exchange {
      const plain = textAt(message, ["params", "requestState"]) === STATE ? withoutRound(message) : message;
      let present = next.request(plain, requestOptions);
      const exchange = openExchange((notice) => present.cancel(notice), () => present.held === true);
      const take = (outcome: Outcome) => {
        if (!isLoginRequired(outcome)) {
          if (message.method === "initialize") greeted(outcome);
          return exchange.settle(outcome);
        }
        if (message.method === "subscriptions/listen") {
          waiting.push(() => {
            if (exchange.settled) return;
            present = next.request(plain, requestOptions);
            present.whenOver(take);
          });
          return;
        }
        void inItsPlace(message, outcome).then(exchange.settle);
      };
      present.whenOver(take);
      return exchange;
    }

    function greeted(outcome: Outcome): void {
      early = false;
      const known = outcome.kind === "answered" ? knownFrom(outcome.message) : undefined;
      if (known !== undefined) options.remember(known);
    }

    async function inItsPlace(message: Message, outcome: Outcome): Promise<Outcome> {
      const answer = await answerFor(message);
      if (answer === undefined) return outcome;
      logger.info(`${message.method} is answered before the user has signed in`, { endpoint });
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
      if (url === undefined || url === shownUrl || revision === undefined || revision < "2025-11-25") return;
      const capabilities = asObject(asObject(initialize?.parsed("params")).capabilities);
      if (asObject(capabilities.elicitation).url === undefined) return;
      shownUrl = url;
      const id = newId("sign-in");
      asked.add(idKey(id));
      const params = urlParams(url, { elicitationId: crypto.randomUUID() });
      void listener?.receive(
        Message.fromText(`{"jsonrpc":"2.0","id":${id},"method":"elicitation/create","params":${params}}`),
      );
    }

    return {
      ...next,
      request,
      async notify(message, notifyOptions) {
        if (message.isAnswer && asked.delete(idKey(message.id!))) return undefined;
        if (early && message.method === "notifications/initialized") {
          // The server is told when the session is established there.
          askClient();
          return undefined;
        }
        return await next.notify(message, notifyOptions);
      },
      listen(it) {
        listener = it;
        next.listen(it);
      },
    };
  };
}

function isLoginRequired(outcome: Outcome): boolean {
  return "failure" in outcome && outcome.failure.code === "LOGIN_REQUIRED";
}

/** The request as it was before its client was asked to sign in. */
function withoutRound(message: Message): Message {
  return edit(withId(message, message.id!), [
    { path: ["params", "requestState"], value: undefined },
    { path: ["params", "inputResponses"], value: undefined },
  ]);
}
