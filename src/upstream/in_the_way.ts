import type { Outcome } from "../link/peer.ts";

/**
 * The outcome of what stood in a request's way, made the request's: it was not sent, whatever became of what was, and the
 * answer is another's.
 */
export function inTheWay(problem: Outcome): Outcome {
  if (!("failure" in problem)) return problem;
  const why = problem.failure;
  switch (problem.kind) {
    case "lost":
      return { kind: "not_sent", failure: why };
    case "refused":
    case "not_sent":
      if (why.code === "RETRY_LATER") {
        return {
          kind: "retry_later",
          failure: why,
          status: why.status,
          answer: undefined,
          afterMs: undefined,
        };
      }
      // What speaks no MCP is for the fallbacks to judge.
      if (problem.kind === "refused" && why.code === "NOT_MCP") return { ...problem, answer: undefined };
      return { kind: "not_sent", failure: why };
    default:
      return { ...problem, answer: undefined };
  }
}
