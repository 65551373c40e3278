import { ErrorCode } from "../jsonrpc/error_codes.ts";

/**
 * The failures this program reports in its own name, and the JSON-RPC error code of each. The codes never change; the
 * names go with them in `error.data.code`. Where JSON-RPC defines the case (section 5.1) the code is its own; all others
 * lie outside −32768…−32000, which JSON-RPC reserves.
 */
export const FailureCode = {
  /** The client sent what is not JSON, or not UTF-8. */
  PARSE_ERROR: ErrorCode.ParseError,
  /** The client sent JSON that is no JSON-RPC message, or one that the protocol does not allow there. */
  INVALID_REQUEST: ErrorCode.InvalidRequest,
  /** The client's request, answered here, has wrong parameters. */
  INVALID_PARAMS: ErrorCode.InvalidParams,
  /** The server that is there now lacks what the one before it had; the request was not sent. */
  METHOD_NOT_FOUND: ErrorCode.MethodNotFound,
  /** The endpoint could not be reached: refused, no such host, no route, no such socket. */
  UNREACHABLE: -31001,
  /** The TLS handshake failed: an untrusted, expired or foreign certificate. */
  TLS: -31002,
  /** The command could not be started. */
  COMMAND: -31003,
  /** The program lacks a Deno permission. */
  PERMISSION: -31004,
  /** No connection within `--connect-timeout`, or no connection or answer to `initialize` within `--timeout`. */
  CONNECT_TIMEOUT: -31005,
  /** No answer within `--request-timeout` or `--max-request-time`. The server may still have acted. */
  REQUEST_TIMEOUT: -31006,
  /** The connection broke before the answer came. The server may still have acted. */
  CONNECTION_LOST: -31007,
  /** The server asks for credentials, or refuses those it was given. */
  UNAUTHORIZED: -31008,
  /** The server no longer knows the session. */
  SESSION_LOST: -31009,
  /** The server is overloaded or asks to come back later. */
  RETRY_LATER: -31010,
  /** The server refused the request with an HTTP status. */
  REFUSED: -31011,
  /** What answers does not speak MCP: a wrong content type, no JSON, no JSON-RPC. */
  NOT_MCP: -31012,
  /** An answer is larger than `--max-message-size`. */
  TOO_LARGE: -31013,
  /** The tool is hidden by `--allow-tool` or `--ignore-tool`; the call was not sent. */
  TOOL_FILTERED: -31014,
  /** This program is ending. The server may still have acted. */
  SHUTTING_DOWN: -31015,
  /** Too many requests wait for the endpoint already; the request was not sent. */
  OVERLOADED: -31016,
  /** The user has to sign in; `error.data.url` is where. The request was not sent. */
  LOGIN_REQUIRED: -31017,
  /** None of the upstreams takes requests; the request was not sent. */
  NO_UPSTREAM: -31018,
} as const;

/** The stable name of a failure. */
export type FailureName = keyof typeof FailureCode;

/** What the user can do, where the place that fails knows nothing better. */
const HINTS: Readonly<Record<FailureName, string>> = {
  PARSE_ERROR: "the client must write one JSON message a line, in UTF-8",
  INVALID_REQUEST: "the client breaks the protocol here; the message was not passed on",
  INVALID_PARAMS: "see the method's page in the MCP specification",
  METHOD_NOT_FOUND: "start the session again to see what the server offers now",
  UNREACHABLE: "is the server running, and the address right?",
  TLS: "check the server's certificate, its name and its dates",
  COMMAND: "check the command and its path",
  PERMISSION: "run deno with that permission",
  CONNECT_TIMEOUT: "is the server up? Raise --timeout if it is slow",
  REQUEST_TIMEOUT: "the request may have been carried out; raise --request-timeout if it needs longer",
  CONNECTION_LOST:
    "see the server's log and start the session again; what had been sent may have been carried out",
  UNAUTHORIZED:
    "sign in with mcp-connect login, or pass a token (--auth-token), a key (--api-key) or a header (--header)",
  SESSION_LOST: "start the session again",
  RETRY_LATER: "try again later",
  REFUSED: "see the server's log",
  NOT_MCP: "is this an MCP endpoint? Many listen at /mcp or /sse",
  TOO_LARGE: "raise --max-message-size if it is meant to be that large",
  TOOL_FILTERED: "see --allow-tool and --ignore-tool",
  SHUTTING_DOWN: "the request may have been carried out",
  OVERLOADED: "send fewer at a time, or raise --max-in-flight",
  NO_UPSTREAM: "are the servers running? It goes on by itself as soon as one is back",
  LOGIN_REQUIRED: "sign in, in the browser or with mcp-connect login, and try again",
};

/** Something that went wrong between us and an endpoint: what, where, and what to do about it. */
export interface Failure {
  /** What kind of failure it is. */
  readonly code: FailureName;
  /** One sentence without secrets. */
  readonly message: string;
  /** The endpoint as the user wrote it, without secrets. */
  readonly endpoint: string;
  /** What the user can do. */
  readonly hint: string;
  /** HTTP status, where one came. */
  readonly status?: number;
  /** Where the user can do something about it. */
  readonly url?: string;
}

/** Makes a {@linkcode Failure}; without a `hint` it gets the one of its kind. */
export function failure(
  code: FailureName,
  endpoint: string,
  message: string,
  hint: string = HINTS[code],
  status?: number,
): Failure {
  return { code, endpoint, message, hint, ...(status === undefined ? {} : { status }) };
}
