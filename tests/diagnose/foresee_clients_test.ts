import { deepStrictEqual } from "node:assert/strict";
import { type ClientFacts, foreseeClients } from "../../src/diagnose/foresee_clients.ts";
import type { EraVerdict } from "../../src/diagnose/judge_era.ts";
import { errorAnswer, resultAnswer } from "../../src/jsonrpc/answers.ts";
import { failure } from "../../src/link/failure.ts";
import type { Outcome } from "../../src/link/peer.ts";

const answers = (protocolVersion: string): Outcome => ({
  kind: "answered",
  message: resultAnswer("1", { protocolVersion }),
});
const refuses: Outcome = { kind: "answered", message: errorAnswer("1", -32602, "no") };
const lost: Outcome = {
  kind: "lost",
  failure: failure("CONNECTION_LOST", "x", "gone"),
  lastEventId: undefined,
};

const REVISIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];

/** What the clients get, a line each: the outcome, what is spoken with the server, and `?` where that was not tried. */
function lines(
  name: EraVerdict["name"],
  { answered, tried = {}, limit, open = false }: {
    answered?: string;
    tried?: Record<string, Outcome>;
    limit?: string;
    open?: boolean;
  } = {},
): string[] {
  const facts: ClientFacts = {
    era: { name, why: "", open },
    limit,
    answered,
    tried: new Map(Object.entries(tried)),
  };
  const clients = foreseeClients(facts);
  deepStrictEqual(clients.map(({ revision }) => revision), REVISIONS);
  return clients.map(({ outcome, serverRevision, tried }) =>
    `${outcome} ${serverRevision ?? "-"}${tried ? "" : " ?"}`
  );
}

Deno.test("foreseeClients: a modern server's legacy clients are translated", () => {
  deepStrictEqual(lines("modern"), [
    "translated 2026-07-28 ?",
    "translated 2026-07-28 ?",
    "translated 2026-07-28 ?",
    "translated 2026-07-28",
    "passed_on 2026-07-28",
  ]);
});

Deno.test("foreseeClients: a legacy server's legacy clients get what it answered", () => {
  const all = {
    "2024-11-05": refuses,
    "2025-03-26": answers("2025-03-26"),
    "2025-06-18": answers("2025-03-26"),
  };
  deepStrictEqual(lines("legacy", { answered: "2025-11-25", tried: all }), [
    "not_served -",
    "passed_on 2025-03-26",
    "other_revision 2025-03-26",
    "passed_on 2025-11-25",
    "translated 2025-11-25 ?",
  ]);
  deepStrictEqual(lines("dual", { answered: "2025-11-25", tried: all }), [
    "translated 2026-07-28 ?",
    "passed_on 2025-03-26",
    "other_revision 2025-03-26",
    "passed_on 2025-11-25",
    "passed_on 2026-07-28",
  ]);
  deepStrictEqual(
    lines("legacy", { answered: "2025-11-25", tried: { "2025-06-18": answers("1999-01-01") } })[2],
    "other_revision 1999-01-01",
  );
});

Deno.test("foreseeClients: what was not tried follows from the rules", () => {
  deepStrictEqual(lines("legacy", { answered: "2025-11-25" }), [
    "passed_on - ?",
    "passed_on - ?",
    "passed_on - ?",
    "passed_on 2025-11-25",
    "translated 2025-11-25 ?",
  ]);
  deepStrictEqual(lines("legacy", { answered: "2025-03-26", tried: { "2025-06-18": lost } }), [
    "passed_on - ?",
    "passed_on 2025-03-26 ?",
    "other_revision 2025-03-26 ?",
    "other_revision 2025-03-26",
    "translated 2025-03-26 ?",
  ]);
});

Deno.test("foreseeClients: a legacy server that may be modern too leaves modern clients open", () => {
  deepStrictEqual(lines("legacy", { answered: "2025-11-25", open: true }).slice(3), [
    "passed_on 2025-11-25",
    "not_known - ?",
  ]);
});

Deno.test("foreseeClients: nobody is served where the handshake fails, and nothing is known where it told nothing", () => {
  deepStrictEqual(lines(null), REVISIONS.map(() => "not_served - ?"));
  deepStrictEqual(lines(null, { open: true }), REVISIONS.map(() => "not_known - ?"));
  const era = { name: null, why: "", open: false };
  const [first] = foreseeClients({ era, limit: "--protocol legacy", answered: undefined, tried: new Map() });
  deepStrictEqual(first!.why, "the handshake fails, and --protocol legacy allows no other");
});
