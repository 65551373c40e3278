import { evidenceOf } from "../link/era/evidence.ts";
import type { Outcome } from "../link/peer.ts";
import { judgeDiscovery, judgeGreeting, judgeProbe } from "../mcp/era.ts";
import { MODERN_REVISION } from "../mcp/modern.ts";
import { asObject, isLegacyRevision, readInitializeResult } from "../mcp/revision.ts";
import type { Era } from "./report.ts";

/** A request that was to tell the server's era, and what came of it. */
export interface Trial {
  readonly outcome: Outcome;
  /** How long it was waited for, in milliseconds. */
  readonly withinMs: number;
}

/** What is known of a server's era. */
export interface EraFacts {
  /** `initialize`, or why it was not sent. */
  readonly greeting: Trial | string;
  /** `server/discover`, or why it was not sent; `undefined` when it would have been, had not something else failed. */
  readonly discovery: Trial | string | undefined;
  /**
   * The wire is a process or a socket: silence and the end in answer to `server/discover` mean there that it is not known
   * (S/2026-07-28/basic/versioning), and over HTTP nothing.
   */
  readonly duplex: boolean;
}

/** The server's era, as far as the evidence goes. */
export interface EraVerdict extends Era {
  /** Something that tells nothing stood in the way: the server may speak more than `name` says. */
  readonly open: boolean;
}

/**
 * Tells the server's era and how that is known.
 *
 * | `initialize` | `server/discover` | era |
 * |---|---|---|
 * | a legacy revision | 2026-07-28, or an error that only its servers give | dual |
 * | a legacy revision | anything else | legacy; open where it tells nothing, or something had failed |
 * | anything else | 2026-07-28 | modern |
 * | refused | refused | none |
 * | anything else | anything else | none, open |
 */
export function judgeEra({ greeting, discovery, duplex }: EraFacts): EraVerdict {
  const verdict = (name: Era["name"], why: string, open = false): EraVerdict => ({ name, why, open });
  const greeted = typeof greeting === "object" ? sayGreeting(greeting) : undefined;
  // Of a server that has taken `initialize` only modern clients ask it, who can do with more kinds of answer.
  const judge = greeted?.revision === undefined ? judgeDiscovery : judgeProbe;
  const found = typeof discovery === "object" ? sayDiscovery(discovery, duplex, judge) : undefined;
  const untried = (method: string, why: Trial | string | undefined) =>
    typeof why === "string" ? `; ${method} was not sent: ${why}` : "";
  const notGreeted = untried("initialize", greeting);
  const notAsked = untried("server/discover", discovery);

  if (greeted?.revision !== undefined) {
    const { revision } = greeted;
    if (discovery === undefined) {
      return verdict(
        "legacy",
        `it ${greeted.words}; whether it speaks ${MODERN_REVISION} too was not asked`,
        true,
      );
    }
    if (found === undefined) return verdict("legacy", `it ${greeted.words}${notAsked}`);
    if (found.verdict === "modern") {
      const both = `it answers initialize (${revision}) and server/discover (${found.revisions})`;
      return verdict("dual", found.revisions === "" ? `it ${greeted.words}, and ${found.words}` : both);
    }
    return found.verdict === "other" ? verdict("legacy", `it ${greeted.words}, and ${found.words}`) : verdict(
      "legacy",
      `it ${greeted.words}; whether it speaks ${MODERN_REVISION} too is not known: it ${found.words}`,
      true,
    );
  }
  if (found?.verdict === "modern") {
    return verdict(
      "modern",
      `it ${greeted === undefined ? "" : `${greeted.words}, and `}${found.words}${notGreeted}`,
    );
  }
  const last = typeof discovery === "object" ? discovery : greeting;
  if (typeof last !== "object" || last.outcome.kind === "not_sent") {
    return verdict(null, "the server was not reached", true);
  }
  const said = [greeted?.words, found?.words].filter((words) => words !== undefined).join(", and ");
  const silent = (greeted?.verdict === "silent" && found === undefined) || found?.verdict === "silent";
  return verdict(
    null,
    `it ${said}${silent ? ", which tells nothing of it" : ""}${notGreeted}${notAsked}`,
    silent,
  );
}

/** What came of `initialize`, and how to say it of the server. `revision` is of the legacy era. */
function sayGreeting({ outcome, withinMs }: Trial) {
  const revision = outcome.kind === "answered"
    ? readInitializeResult(outcome.message)?.protocolVersion
    : undefined;
  return {
    verdict: judgeGreeting(evidenceOf(outcome)),
    revision: isLegacyRevision(revision) ? revision : undefined,
    words: outcome.kind === "answered" && outcome.message.kind === "result"
      ? `answered initialize ${
        revision === undefined ? "without a revision" : `with revision ${cut(revision)}`
      }`
      : sayRefusal("initialize", outcome, withinMs),
  };
}

function sayDiscovery({ outcome, withinMs }: Trial, duplex: boolean, judge: typeof judgeProbe) {
  const judged = judge(evidenceOf(outcome));
  const unknown = duplex && (outcome.kind === "cancelled" || outcome.kind === "lost");
  const { supportedVersions } = outcome.kind === "answered"
    ? asObject(outcome.message.parsed("result"))
    : { supportedVersions: undefined };
  const revisions = (Array.isArray(supportedVersions) ? supportedVersions : [])
    .filter((it): it is string => typeof it === "string")
    .slice(0, 8)
    .map(cut)
    .join(", ");
  return {
    verdict: unknown ? "other" as const : judged,
    revisions,
    words: outcome.kind === "answered" && outcome.message.kind === "result"
      ? `answered server/discover with ${revisions === "" ? "no list of revisions" : revisions}`
      : sayRefusal("server/discover", outcome, withinMs),
  };
}

/** What the server did in place of giving a result, as the rest of a sentence about it. */
export function sayRefusal(method: string, outcome: Outcome, withinMs: number): string {
  switch (outcome.kind) {
    case "answered":
      return `refused ${method} with ${errorWords(outcome)}`;
    case "not_sent":
      return `could not be asked for ${method}`;
    case "cancelled":
      return `did not answer ${method} within ${withinMs / 1000} s`;
    case "lost":
      return `ended the connection at ${method}`;
    default: {
      const { status } = outcome;
      const error = outcome.answer === undefined ? "" : ` (${errorWords({ message: outcome.answer })})`;
      // Without a status it is what answers that is at fault.
      if (status === undefined) return `did not answer ${method} with MCP`;
      const silent = outcome.kind !== "session_unknown" &&
        judgeGreeting(evidenceOf(outcome)) === "silent";
      return `${silent ? "answered" : "refused"} ${method} with HTTP ${status}${error}`;
    }
  }
}

function errorWords({ message }: Pick<Extract<Outcome, { kind: "answered" }>, "message">): string {
  return `error ${JSON.stringify(asObject(message.parsed("error")).code)?.slice(0, 40)}`;
}

function cut(text: string): string {
  return text.slice(0, 40);
}
