import type { Message } from "../jsonrpc/message.ts";
import { LEGACY_REVISIONS, readInitializeResult } from "./revision.ts";

/** What came of a legacy client's `initialize`, as far as it tells of the server's era. */
export interface GreetingEvidence {
  /** The server's result or error, whatever status it came with. */
  readonly answer: Message | undefined;
  /** HTTP status of a refusal; `undefined` on wires without one, and for an answer. */
  readonly status: number | undefined;
}

/** What a greeting says of the server's era. */
export type EraVerdict =
  /** It speaks a legacy revision. */
  | "legacy"
  /** It may be modern: one `server/discover` tells. */
  | "ask"
  /** Nothing. */
  | "silent";

/** Statuses that are evidence of nothing: credentials, time, load. */
const SILENT: ReadonlySet<number> = new Set([401, 403, 408, 425, 429]);

/**
 * Decides what the answer to a legacy client's own `initialize` says of the server's era (S/2026-07-28/basic/versioning).
 *
 * | answer | verdict |
 * |---|---|
 * | a result with a legacy revision | legacy |
 * | a result with any other revision, an error of JSON-RPC | ask |
 * | a 4xx that is no matter of credentials, time or load | ask |
 * | all else | silent |
 */
export function judgeGreeting({ answer, status }: GreetingEvidence): EraVerdict {
  if (answer?.kind === "result") {
    const revision = readInitializeResult(answer)?.protocolVersion;
    return revision === undefined || LEGACY_REVISIONS.some((known) => known === revision) ? "legacy" : "ask";
  }
  if (status !== undefined) return status >= 400 && status < 500 && !SILENT.has(status) ? "ask" : "silent";
  return answer === undefined ? "silent" : "ask";
}
