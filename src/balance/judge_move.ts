import type { Outcome } from "../link/peer.ts";

/** What becomes of a request that an upstream did not answer. */
export type MoveVerdict =
  /** The outcome stands. */
  | "stay"
  /** Another upstream gets it: it surely did not run, or running twice does no harm. */
  | "move";

/** Failures before anything was sent that would be the same elsewhere, or are the user's to mend. */
const EVERYWHERE: ReadonlySet<string> = new Set(["SHUTTING_DOWN", "LOGIN_REQUIRED", "TOOL_FILTERED"]);
/** Statuses of gateways whose server may, or may not, have got the request; and 408, whose request came in part. */
const GATEWAY: ReadonlySet<number> = new Set([408, 502, 503, 504]);
/** Statuses of a web server that has no MCP at this place. */
const NO_MCP: ReadonlySet<number> = new Set([404, 405, 406, 415, 501]);

/**
 * Decides whether another upstream gets a request that this one did not answer. The rule is that of repetition: what surely
 * did not run moves, and so does what does no harm twice.
 *
 * | outcome | safe to repeat | otherwise |
 * |---|---|---|
 * | not sent, but for reasons that hold everywhere | move | move |
 * | retry later: 429, 503 with `Retry-After` | move | move |
 * | unauthorized, session unknown | move | move |
 * | lost: reset, broken stream, given up as silent | move | stay |
 * | refused with 408, 502, 503, 504, or no MCP at all | move | stay |
 * | refused otherwise, by a server that speaks MCP | stay | stay |
 *
 * @param handshake the request is an `initialize` or `server/discover`, which is refused by what speaks no MCP
 * @param safe running it twice does no harm
 */
export function judgeMove(outcome: Outcome, handshake: boolean, safe: boolean): MoveVerdict {
  switch (outcome.kind) {
    case "not_sent":
      return EVERYWHERE.has(outcome.failure.code) ? "stay" : "move";
    case "retry_later":
    case "unauthorized":
    case "session_unknown":
      return "move";
    case "lost":
      return safe ? "move" : "stay";
    case "refused": {
      if (outcome.answer !== undefined) return "stay";
      const status = outcome.status ?? 0;
      if (handshake && NO_MCP.has(status)) return "move";
      return safe && (outcome.failure.code === "NOT_MCP" || GATEWAY.has(status)) ? "move" : "stay";
    }
    default:
      return "stay";
  }
}
