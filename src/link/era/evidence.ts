import type { EraEvidence } from "../../mcp/era.ts";
import type { Outcome } from "../peer.ts";

/** What an outcome has to say of the era of whoever gave it. */
export function evidenceOf(outcome: Outcome): EraEvidence {
  switch (outcome.kind) {
    case "answered":
      return { answer: outcome.message, status: undefined };
    case "refused":
    case "session_unknown":
      return { answer: outcome.answer, status: outcome.status };
    default:
      return { answer: undefined, status: undefined };
  }
}
