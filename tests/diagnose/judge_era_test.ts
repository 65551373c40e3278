import { deepStrictEqual } from "node:assert/strict";
import { type EraFacts, judgeEra, type Trial } from "../../src/diagnose/judge_era.ts";
import type { Era } from "../../src/diagnose/report.ts";
import { errorAnswer, resultAnswer } from "../../src/jsonrpc/answers.ts";
import { failure, type FailureName } from "../../src/link/failure.ts";
import type { Outcome } from "../../src/link/peer.ts";

const why = (code: FailureName) => failure(code, "x", "so it is");
const trial = (outcome: Outcome): Trial => ({ outcome, withinMs: 5000 });
const result = (value: unknown) => trial({ kind: "answered", message: resultAnswer("1", value) });
const error = (code: number) => trial({ kind: "answered", message: errorAnswer("1", code, "no") });
const status = (status: number | undefined, code?: number) =>
  trial({
    kind: "refused",
    failure: why("REFUSED"),
    status,
    answer: code === undefined ? undefined : errorAnswer("1", code, "no"),
  });
const greeted = (protocolVersion?: unknown) => result({ protocolVersion });
const found = (...supportedVersions: unknown[]) => result({ supportedVersions });
const unauthorized = trial({
  kind: "unauthorized",
  failure: why("UNAUTHORIZED"),
  status: 401,
  answer: undefined,
  challenge: undefined,
});
const later = trial({
  kind: "retry_later",
  failure: why("RETRY_LATER"),
  status: 429,
  answer: undefined,
  afterMs: undefined,
});
const lost = trial({ kind: "lost", failure: why("CONNECTION_LOST"), lastEventId: undefined });
const notSent = trial({ kind: "not_sent", failure: why("UNREACHABLE") });
const late = trial({ kind: "cancelled" });

type Row = [
  greeting: EraFacts["greeting"],
  discovery: EraFacts["discovery"],
  name: Era["name"],
  open: boolean,
  why: string,
];

function check(duplex: boolean, rows: Row[]): void {
  for (const [greeting, discovery, name, open, why] of rows) {
    deepStrictEqual(judgeEra({ greeting, discovery, duplex }), { name, open, why });
  }
}

Deno.test("judgeEra tells the era of an HTTP server", () => {
  check(false, [
    [
      greeted("2025-06-18"),
      status(400, -32000),
      "legacy",
      false,
      "it answered initialize with revision 2025-06-18, and refused server/discover with HTTP 400 (error -32000)",
    ],
    [
      greeted("2025-06-18"),
      found("2025-11-25"),
      "legacy",
      false,
      "it answered initialize with revision 2025-06-18, and answered server/discover with 2025-11-25",
    ],
    [
      greeted("2025-06-18"),
      result({}),
      "legacy",
      false,
      "it answered initialize with revision 2025-06-18, and answered server/discover with no list of revisions",
    ],
    [
      greeted("2025-11-25"),
      found("2026-07-28", { toString: 1 }, "2025-11-25"),
      "dual",
      false,
      "it answers initialize (2025-11-25) and server/discover (2026-07-28, 2025-11-25)",
    ],
    [
      status(400, -32022),
      found("2026-07-28"),
      "modern",
      false,
      "it refused initialize with HTTP 400 (error -32022), and answered server/discover with 2026-07-28",
    ],
    [
      greeted("2026-07-28"),
      found("2026-07-28"),
      "modern",
      false,
      "it answered initialize with revision 2026-07-28, and answered server/discover with 2026-07-28",
    ],
    [
      status(404),
      status(404),
      null,
      false,
      "it refused initialize with HTTP 404, and refused server/discover with HTTP 404",
    ],
    [
      greeted("1999-01-01"),
      error(-32601),
      null,
      false,
      "it answered initialize with revision 1999-01-01, and refused server/discover with error -32601",
    ],
    [greeted(), undefined, null, false, "it answered initialize without a revision"],
  ]);
});

Deno.test("judgeEra knows servers of 2026-07-28 by their errors, where a modern client would", () => {
  check(false, [
    [
      greeted("2025-11-25"),
      status(400, -32021),
      "dual",
      false,
      "it answered initialize with revision 2025-11-25, and refused server/discover with HTTP 400 (error -32021)",
    ],
    [
      status(400, -32021),
      status(400, -32021),
      null,
      false,
      "it refused initialize with HTTP 400 (error -32021), and refused server/discover with HTTP 400 (error -32021)",
    ],
  ]);
});

Deno.test("judgeEra concludes nothing from credentials, load, time and the network", () => {
  const nothing = ", which tells nothing of it";
  check(false, [
    [unauthorized, undefined, null, true, `it answered initialize with HTTP 401${nothing}`],
    [later, undefined, null, true, `it answered initialize with HTTP 429${nothing}`],
    [status(503), undefined, null, true, `it answered initialize with HTTP 503${nothing}`],
    [status(undefined), undefined, null, true, `it did not answer initialize with MCP${nothing}`],
    [late, undefined, null, true, `it did not answer initialize within 5 s${nothing}`],
    [lost, undefined, null, true, `it ended the connection at initialize${nothing}`],
    [notSent, undefined, null, true, "the server was not reached"],
    [
      status(400),
      later,
      null,
      true,
      `it refused initialize with HTTP 400, and answered server/discover with HTTP 429${nothing}`,
    ],
    [
      greeted("2025-11-25"),
      late,
      "legacy",
      true,
      "it answered initialize with revision 2025-11-25; whether it speaks 2026-07-28 too is not known: " +
      "it did not answer server/discover within 5 s",
    ],
    [
      greeted("2025-11-25"),
      undefined,
      "legacy",
      true,
      "it answered initialize with revision 2025-11-25; whether it speaks 2026-07-28 too was not asked",
    ],
  ]);
});

Deno.test("judgeEra takes silence and the end of a process or a socket for a no", () => {
  check(true, [
    [
      greeted("2025-11-25"),
      late,
      "legacy",
      false,
      "it answered initialize with revision 2025-11-25, and did not answer server/discover within 5 s",
    ],
    [
      greeted("2025-11-25"),
      lost,
      "legacy",
      false,
      "it answered initialize with revision 2025-11-25, and ended the connection at server/discover",
    ],
    [
      error(-32601),
      lost,
      null,
      false,
      "it refused initialize with error -32601, and ended the connection at server/discover",
    ],
    [
      greeted("2025-11-25"),
      notSent,
      "legacy",
      true,
      "it answered initialize with revision 2025-11-25; whether it speaks 2026-07-28 too is not known: " +
      "it could not be asked for server/discover",
    ],
  ]);
});

Deno.test("judgeEra says what was not sent, and why", () => {
  check(false, [
    [
      greeted("2025-11-25"),
      "an option says so",
      "legacy",
      false,
      "it answered initialize with revision 2025-11-25; server/discover was not sent: an option says so",
    ],
    [
      status(400),
      "an option says so",
      null,
      false,
      "it refused initialize with HTTP 400; server/discover was not sent: an option says so",
    ],
    [
      "an option says so",
      found("2026-07-28"),
      "modern",
      false,
      "it answered server/discover with 2026-07-28; initialize was not sent: an option says so",
    ],
    [
      "an option says so",
      error(-32601),
      null,
      false,
      "it refused server/discover with error -32601; initialize was not sent: an option says so",
    ],
    [
      "an option says so",
      unauthorized,
      null,
      true,
      "it answered server/discover with HTTP 401, which tells nothing of it; initialize was not sent: an option says so",
    ],
  ]);
});
