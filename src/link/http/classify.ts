import type { Message } from "../../jsonrpc/message.ts";
import { failure, type FailureName } from "../failure.ts";
import type { Outcome } from "../peer.ts";
import { retryAfterMs } from "./retry_after.ts";
import {
  LOST_SESSION,
  saysNoSessions,
  saysNothingElse,
  saysSessionUnknown,
  sessionUnknown,
} from "./session_unknown.ts";

/** What came in place of a 2xx answer. */
export interface Rejection {
  readonly endpoint: string;
  readonly status: number;
  /** `WWW-Authenticate` */
  readonly challenge: string | null;
  /** `Retry-After` */
  readonly retryAfter: string | null;
  /** The JSON-RPC error in the body, its id set to the request's, if there was one. */
  readonly answer: Message | undefined;
  /** The beginning of the body. */
  readonly body: string;
  /** The request carried an `Mcp-Session-Id`. */
  readonly inSession: boolean;
  /** The request carried an `Authorization`. */
  readonly withCredentials: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Statuses whose body may say that the session is unknown, among other things. */
const MAY_SAY: ReadonlySet<number> = new Set([400, 409, 410, 422]);
/** A 401 that means no credentials; those may be of a session that has expired, too. */
const NO_SUCH_SESSION = /^unauthorized: session not found$/i;

/**
 * Decides what an HTTP status other than 2xx means.
 *
 * - 401, and 403 with a challenge: credentials. (Servers built on older releases of the Rust SDK say 401 without a challenge
 *   when they don't know the session.)
 * - In a session: 404 (S/2025-11-25/basic/transports, Session Management 4), 400 with an error of a server that knows no
 *   sessions at all, and 400, 409, 410 or 422 whose
 *   body says that the session is unknown, or 5xx whose body says nothing else: the session is lost.
 * - 429, and 503 with `Retry-After`: later.
 * - All else: refused.
 */
export function classifyRejection(it: Rejection): Outcome {
  const { endpoint, status, answer } = it;
  const say = (code: FailureName, message: string, hint?: string) => ({
    failure: failure(code, endpoint, message, hint, status),
    status,
    answer,
  });
  if (it.inSession && status === 401 && it.challenge === null && NO_SUCH_SESSION.test(it.body.trim())) {
    return sessionUnknown(endpoint, answer, status);
  }
  if (status === 401 || (status === 403 && it.challenge !== null)) {
    return {
      kind: "unauthorized",
      challenge: it.challenge ?? undefined,
      ...say(
        "UNAUTHORIZED",
        it.withCredentials
          ? `the server refused the credentials (HTTP ${status})`
          : `the server wants credentials (HTTP ${status})`,
        it.withCredentials
          ? "check that the token is complete, not expired, and meant for this server"
          : "sign in with mcp-connect login, or pass a token (--auth-token), a key (--api-key) or a header (--header)",
      ),
    };
  }
  const says = LOST_SESSION.test(it.body);
  const onlySays = status >= 500 &&
    (answer === undefined ? saysNothingElse(it.body) : saysSessionUnknown(answer));
  const isModern = status === 400 && answer !== undefined && saysNoSessions(answer);
  if (it.inSession && (status === 404 || isModern || (says && MAY_SAY.has(status)) || onlySays)) {
    return sessionUnknown(endpoint, answer, status);
  }
  const afterMs = retryAfterMs(it.retryAfter, it.now);
  if (status === 429 || (status === 503 && afterMs !== undefined)) {
    const when = afterMs === undefined ? "later" : `in ${Math.ceil(afterMs / 1000)} s`;
    return {
      kind: "retry_later",
      afterMs,
      ...say("RETRY_LATER", `the server asks to come back ${when} (HTTP ${status})`, "try again then"),
    };
  }
  const [message, hint] = explainStatus(status, it.body);
  return { kind: "refused", ...say("REFUSED", message, hint) };
}

function explainStatus(status: number, body: string): [message: string, hint: string | undefined] {
  const page = /^\s*<(?:!doctype|html)/i.test(body);
  const said = page || body.trim() === "" ? "" : `: ${body.trim().replace(/\s+/g, " ").slice(0, 200)}`;
  const message = `the server refused the request (HTTP ${status}${said})`;
  if (status === 403) return [message, "check the credentials, and whether the server allows this origin"];
  if (status === 404 || status === 405) {
    return [message, "check the URL's path: many servers listen at /mcp or /sse"];
  }
  if (status >= 500) return [message, "the server, or a gateway before it, has a problem; see its log"];
  return [message, page ? "is this URL an MCP endpoint? A web page answered" : undefined];
}
