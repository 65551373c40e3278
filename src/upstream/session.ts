import { textAt } from "../jsonrpc/edit.ts";
import type { Message } from "../jsonrpc/message.ts";
import { readInitializeResult } from "../mcp/revision.ts";

/** What one client has established: what it sent and what it was shown. */
export interface Session {
  /** The client's `initialize`; `undefined` before it. */
  readonly initialize: Message | undefined;
  /** The revision the client was told; `undefined` before its `initialize` was answered. */
  readonly revision: string | undefined;
  /** The capabilities the server declared. */
  readonly capabilities: Readonly<Record<string, unknown>>;
  /** The client has sent `notifications/initialized`. */
  readonly initialized: boolean;
  /** The least severe level of log messages the client asked for, one of RFC 5424's names. */
  readonly logLevel: string | undefined;
  /** The resources the client has subscribed to: their URIs as JSON texts. */
  readonly subscriptions: ReadonlySet<string>;
}

/** More subscriptions than these are not remembered. */
const MOST_SUBSCRIPTIONS = 10_000;

/** A session in which nothing has happened. */
export const NO_SESSION: Session = {
  initialize: undefined,
  revision: undefined,
  capabilities: {},
  initialized: false,
  logLevel: undefined,
  subscriptions: new Set(),
};

/** The session after the client's message was sent. */
export function afterMessage(session: Session, message: Message): Session {
  switch (message.method) {
    case "initialize":
      return { ...NO_SESSION, initialize: message };
    case "notifications/initialized":
      return { ...session, initialized: true };
    default:
      return session;
  }
}

/** The session after `answer` to the client's `request`. */
export function afterAnswer(session: Session, request: Message, answer: Message): Session {
  if (answer.kind !== "result") return session;
  switch (request.method) {
    case "initialize": {
      const result = readInitializeResult(answer);
      return { ...session, revision: result?.protocolVersion, capabilities: result?.capabilities ?? {} };
    }
    case "logging/setLevel": {
      const level = textAt(request, ["params", "level"]);
      return level === undefined ? session : { ...session, logLevel: String(JSON.parse(level)) };
    }
    case "resources/subscribe":
    case "resources/unsubscribe": {
      const uri = textAt(request, ["params", "uri"]);
      if (uri === undefined) return session;
      const subscriptions = new Set(session.subscriptions);
      if (request.method === "resources/unsubscribe") subscriptions.delete(uri);
      else if (subscriptions.size < MOST_SUBSCRIPTIONS) subscriptions.add(uri);
      return { ...session, subscriptions };
    }
    default:
      return session;
  }
}

/** Tells whether the server declared that it logs. */
export function serverLogs(session: Session): boolean {
  return session.capabilities.logging !== undefined;
}
