import { deepStrictEqual } from "node:assert/strict";
import { clientLines } from "../../src/diagnose/client_lines.ts";
import type { ClientForecast } from "../../src/diagnose/report.ts";

const client = (
  revision: string,
  outcome: ClientForecast["outcome"],
  serverRevision: string | null,
  tried: boolean,
  why = "so it is",
): ClientForecast => ({ revision, outcome, serverRevision, tried, why });

Deno.test("clientLines takes revisions that get the same together", () => {
  deepStrictEqual(
    clientLines([
      client("2024-11-05", "translated", "2026-07-28", false),
      client("2025-03-26", "translated", "2026-07-28", true),
      client("2025-06-18", "not_served", null, true, "the server said no"),
      client("2025-11-25", "translated", "2026-07-28", true),
      client("2026-07-28", "passed_on", "2026-07-28", true),
    ]),
    [
      "2024-11-05 to 2025-03-26: translated to 2026-07-28",
      "2025-06-18: not served: the server said no",
      "2025-11-25: translated to 2026-07-28",
      "2026-07-28: passed on as it is",
    ],
  );
});

Deno.test("clientLines tells what was not tried", () => {
  deepStrictEqual(
    clientLines([
      client("2024-11-05", "passed_on", null, false, "a rule"),
      client("2025-03-26", "passed_on", "2025-03-26", false),
      client("2025-06-18", "other_revision", "2025-03-26", false),
      client("2025-11-25", "other_revision", "2025-03-26", true),
      client("2026-07-28", "not_known", null, false, "it could not be found out"),
    ]),
    [
      "2024-11-05: passed on; a rule (not tried)",
      "2025-03-26: passed on as it is (not tried)",
      "2025-06-18: passed on; the server answers with 2025-03-26 (not tried)",
      "2025-11-25: passed on; the server answers with 2025-03-26",
      "2026-07-28: not known: it could not be found out",
    ],
  );
});

Deno.test("clientLines says nothing where nothing is known", () => {
  deepStrictEqual(
    clientLines(["2025-11-25", "2026-07-28"].map((it) => client(it, "not_known", null, false))),
    [],
  );
});
