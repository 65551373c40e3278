import { withId } from "../../jsonrpc/edit.ts";
import { Message } from "../../jsonrpc/message.ts";
import { decodeUtf8 } from "../../jsonrpc/utf8.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Outcome } from "../peer.ts";
import { readStart } from "./body.ts";
import { classifyRejection } from "./classify.ts";
import type { HttpClient } from "./http_client.ts";

/** How much of a refusal's body is read, in bytes. */
const BODY_LIMIT = 1024 * 1024;
/** How much of it is looked at for what it says. */
const SHOWN = 2000;

/** How long it may take when it refuses what wants no answer, which others wait behind, in milliseconds. */
const TOLD_MS = 250;

/** What a response that is no 2xx is judged by, beside itself. */
export interface RejectionContext {
  readonly endpoint: string;
  readonly client: HttpClient;
  readonly logger: Logger;
  /** The request carried a session id. */
  readonly inSession: boolean;
  /** The id of the request; absent for what wants no answer. */
  readonly id?: string;
}

/**
 * Reads a response that is no 2xx, and says what it means. Its body has a second to come: the status says enough. Never
 * rejects.
 */
export async function readRejection(response: Response, context: RejectionContext): Promise<Outcome> {
  const { endpoint, client, logger, inSession, id } = context;
  const bytes = await readStart(response, BODY_LIMIT, id === undefined ? TOLD_MS : undefined);
  return classifyRejection({
    endpoint,
    status: response.status,
    challenge: response.headers.get("www-authenticate"),
    retryAfter: response.headers.get("retry-after"),
    answer: id === undefined ? undefined : errorIn(bytes, id),
    body: logger.redact(decodeUtf8(bytes.subarray(0, SHOWN))),
    inSession,
    withCredentials: client.withCredentials,
    now: Date.now(),
  });
}

/** The JSON-RPC error that a body holds, made the answer to the request `id`. */
function errorIn(body: Uint8Array<ArrayBuffer>, id: string): Message | undefined {
  try {
    const message = Message.parse(body);
    return message.kind === "error" ? withId(message, id) : undefined;
  } catch {
    return undefined;
  }
}
