import type { Message } from "../jsonrpc/message.ts";
import { MODERN_REVISION, ModernErrorCode } from "./modern.ts";
import { asObject, LEGACY_REVISIONS, readInitializeResult } from "./revision.ts";

/** What came of a request that is to tell the server's era. */
export interface EraEvidence {
  /** The server's result or error, whatever status it came with. */
  readonly answer: Message | undefined;
  /** HTTP status of a refusal; `undefined` on wires without one, and for an answer. */
  readonly status: number | undefined;
}

/** What a greeting says of the server's era. */
export type GreetingVerdict =
  /** It speaks a legacy revision. */
  | "legacy"
  /** It may be modern: one `server/discover` tells. */
  | "ask"
  /** Nothing. */
  | "silent";

/** What came of `server/discover`. */
export type DiscoveryVerdict =
  /** It speaks the modern revision. */
  | "modern"
  /** It does not. */
  | "other"
  /** Nothing: credentials, time, load, the network. */
  | "silent";

/** Statuses that are evidence of nothing: credentials, time, load. */
const SILENT: ReadonlySet<number> = new Set([401, 403, 408, 425, 429]);

/**
 * Decides what the answer to a legacy client's own `initialize` says of the server's era (S/2026-07-28/basic/versioning).
 *
 * | answer | verdict |
 * |---|---|
 * | a result with a legacy revision, or with none | legacy |
 * | a result with any other revision, an error of JSON-RPC | ask |
 * | a 4xx that is no matter of credentials, time or load | ask |
 * | all else | silent |
 */
export function judgeGreeting({ answer, status }: EraEvidence): GreetingVerdict {
  if (answer?.kind === "result") {
    const revision = readInitializeResult(answer)?.protocolVersion;
    return revision === undefined || LEGACY_REVISIONS.some((known) => known === revision) ? "legacy" : "ask";
  }
  if (status !== undefined) return status >= 400 && status < 500 && !SILENT.has(status) ? "ask" : "silent";
  return answer === undefined ? "silent" : "ask";
}

/**
 * Decides what the answer to `server/discover` says of the server's era (S/2026-07-28/basic/versioning).
 *
 * | answer | verdict |
 * |---|---|
 * | a result whose `supportedVersions` holds the modern revision | modern |
 * | any other result, an error of JSON-RPC | other |
 * | a 4xx that is no matter of credentials, time or load; 500, 501 | other |
 * | all else | silent |
 */
export function judgeDiscovery({ answer, status }: EraEvidence): DiscoveryVerdict {
  if (answer !== undefined && saysModern(answer)) return "modern";
  if (status === undefined) return answer === undefined ? "silent" : "other";
  // Some servers fail at what they don't know; 502, 503 and 504 come from before them.
  const refused = (status >= 400 && status < 500 && !SILENT.has(status)) || status === 500 || status === 501;
  return refused ? "other" : "silent";
}

/**
 * Decides what the answer to a modern client's `server/discover` says of the server's era, in whatever revision it was asked.
 *
 * | answer | verdict |
 * |---|---|
 * | `-32022` whose `data.supported` holds the modern revision; `-32020`, `-32021` | modern |
 * | `-32022` whose `data.supported` does not | other |
 * | 5xx without an error of JSON-RPC | silent |
 * | all else | as {@linkcode judgeDiscovery} has it |
 */
export function judgeProbe(evidence: EraEvidence): DiscoveryVerdict {
  const code = codeOf(evidence.answer);
  if (code === ModernErrorCode.UnsupportedProtocolVersion) {
    return supportsModern(evidence.answer!) ? "modern" : "other";
  }
  if (code === ModernErrorCode.HeaderMismatch || code === ModernErrorCode.MissingClientCapability) {
    return "modern";
  }
  // Nothing else has been asked that would tell the era: what passes must not decide it.
  if ((evidence.status ?? 0) >= 500 && evidence.answer === undefined) return "silent";
  return judgeDiscovery(evidence);
}

/** Statuses with which a server refuses what it has no place for. */
const NO_PLACE: ReadonlySet<number> = new Set([400, 404, 405, 406, 415]);

/**
 * Tells whether the answer to a modern request contradicts that the server is modern, so that it should be asked again: such
 * a request surely did not run.
 *
 * | answer | contradicts |
 * |---|---|
 * | `-32022` whose `data.supported` lacks the modern revision | yes |
 * | 400, 404, 405, 406 or 415 without an error of JSON-RPC, or with one that every server may use as it likes (-32000 to -32019), or that speaks of a session | yes |
 * | all else | no |
 */
export function contradictsModern({ answer, status }: EraEvidence): boolean {
  const code = codeOf(answer);
  if (code === ModernErrorCode.UnsupportedProtocolVersion) return !supportsModern(answer!);
  if (status === undefined || !NO_PLACE.has(status)) return false;
  return code === undefined || (code <= -32000 && code >= -32019) || speaksOfSession(answer!);
}

/** Modern servers have none to speak of. */
function speaksOfSession(error: Message): boolean {
  const { message } = asObject(error.parsed("error"));
  return typeof message === "string" && /\bsession\b/i.test(message);
}

function codeOf(answer: Message | undefined): number | undefined {
  const { code } = asObject(answer?.kind === "error" ? answer.parsed("error") : undefined);
  return typeof code === "number" ? code : undefined;
}

/** Tells whether the error `-32022` names the modern revision as one that the server knows. */
function supportsModern(error: Message): boolean {
  const { supported } = asObject(asObject(error.parsed("error")).data);
  return Array.isArray(supported) && supported.includes(MODERN_REVISION);
}

/** Tells whether the answer to `server/discover` says that the server speaks the modern revision. */
function saysModern(answer: Message): boolean {
  if (answer.kind !== "result") return false;
  const { supportedVersions } = asObject(answer.parsed("result"));
  return Array.isArray(supportedVersions) && supportedVersions.includes(MODERN_REVISION);
}
