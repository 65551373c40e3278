import { strictEqual } from "node:assert/strict";
import { errorAnswer, resultAnswer } from "../../src/jsonrpc/answers.ts";
import { contradictsModern, judgeDiscovery, judgeGreeting, judgeProbe } from "../../src/mcp/era.ts";

const initialized = (protocolVersion?: unknown) => resultAnswer("1", { protocolVersion, capabilities: {} });
const error = (code: number, data?: unknown) => errorAnswer("1", code, "no", data);
const discovered = (...supportedVersions: unknown[]) => resultAnswer("1", { supportedVersions });

const greetings: [string, Parameters<typeof judgeGreeting>[0], string][] = [
  ...["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"].map((
    it,
  ): [string, Parameters<typeof judgeGreeting>[0], string] => [
    `a result of ${it}`,
    { answer: initialized(it), status: undefined },
    "legacy",
  ]),
  ["a result without a revision", { answer: initialized(), status: undefined }, "legacy"],
  ["a result whose revision is no text", { answer: initialized(1), status: undefined }, "legacy"],
  ["a result of the modern revision", { answer: initialized("2026-07-28"), status: undefined }, "ask"],
  ["a result of an unknown revision", { answer: initialized("2031-01-01"), status: undefined }, "ask"],
  ["-32022 in a 200", {
    answer: error(-32022, { supported: ["2026-07-28"] }),
    status: undefined,
  }, "ask"],
  ["-32601 on a wire without statuses", { answer: error(-32601), status: undefined }, "ask"],
  ["-32000", { answer: error(-32000), status: undefined }, "ask"],
  ["a 400 with an error", { answer: error(-32022), status: 400 }, "ask"],
  ...[400, 404, 405, 406, 410, 415, 422].map((
    status,
  ): [string, Parameters<typeof judgeGreeting>[0], string] => [
    `a bare ${status}`,
    { answer: undefined, status },
    "ask",
  ]),
  ...[301, 401, 403, 408, 425, 429, 500, 501, 502, 503, 504].map((
    status,
  ): [string, Parameters<typeof judgeGreeting>[0], string] => [
    `a ${status}, even with an error in it`,
    { answer: error(-32022), status },
    "silent",
  ]),
  ["nothing", { answer: undefined, status: undefined }, "silent"],
];
for (const [what, evidence, verdict] of greetings) {
  Deno.test(`judgeGreeting: ${what} means ${verdict}`, () => strictEqual(judgeGreeting(evidence), verdict));
}

const discoveries: [string, Parameters<typeof judgeDiscovery>[0], string][] = [
  ["the modern revision", { answer: discovered("2026-07-28"), status: undefined }, "modern"],
  ["it among others", { answer: discovered("2027-01-01", "2026-07-28"), status: undefined }, "modern"],
  ["only later ones", { answer: discovered("2027-01-01"), status: undefined }, "other"],
  ["no list", { answer: resultAnswer("1", {}), status: undefined }, "other"],
  ["an empty result, as servers give that answer everything", {
    answer: resultAnswer("1", { supportedVersions: "2026-07-28" }),
    status: undefined,
  }, "other"],
  ["-32601", { answer: error(-32601), status: undefined }, "other"],
  ["a bare 404", { answer: undefined, status: 404 }, "other"],
  ["a 400 with an error", { answer: error(-32600), status: 400 }, "other"],
  ["a 500, which some servers give for what they don't know", { answer: undefined, status: 500 }, "other"],
  ...[401, 403, 408, 429, 502, 503, 504].map((
    status,
  ): [string, Parameters<typeof judgeDiscovery>[0], string] => [
    `a ${status}`,
    { answer: undefined, status },
    "silent",
  ]),
  ["nothing", { answer: undefined, status: undefined }, "silent"],
];
for (const [what, evidence, verdict] of discoveries) {
  Deno.test(`judgeDiscovery: ${what} means ${verdict}`, () => strictEqual(judgeDiscovery(evidence), verdict));
}

const probes: [string, Parameters<typeof judgeProbe>[0], string][] = [
  ["the modern revision", { answer: discovered("2026-07-28"), status: undefined }, "modern"],
  ["only later ones", { answer: discovered("2027-01-01"), status: undefined }, "other"],
  ["-32022 that names it", { answer: error(-32022, { supported: ["2026-07-28"] }), status: 400 }, "modern"],
  ["-32022 that names it among others", {
    answer: error(-32022, { supported: ["2027-01-01", "2026-07-28"] }),
    status: undefined,
  }, "modern"],
  [
    "-32022 that names others",
    { answer: error(-32022, { supported: ["2025-11-25"] }), status: 400 },
    "other",
  ],
  ["-32022 whose list is none", { answer: error(-32022, { supported: "2026-07-28" }), status: 400 }, "other"],
  ["-32022 without data", { answer: error(-32022), status: 400 }, "other"],
  ["-32020", { answer: error(-32020), status: 400 }, "modern"],
  ["-32021", { answer: error(-32021), status: 400 }, "modern"],
  ["-32021 without a status", { answer: error(-32021), status: undefined }, "modern"],
  ["-32601", { answer: error(-32601), status: 404 }, "other"],
  ["-32000", { answer: error(-32000), status: 400 }, "other"],
  ["a code that is no number", { answer: errorAnswer("1", "-32020" as never, "no"), status: 400 }, "other"],
  ["a bare 405", { answer: undefined, status: 405 }, "other"],
  ...[401, 403, 408, 425, 429, 502, 503, 504].map((
    status,
  ): [string, Parameters<typeof judgeProbe>[0], string] => [
    `a ${status} with an error`,
    { answer: error(-32601), status },
    "silent",
  ]),
  ...[500, 501, 505].map((status): [string, Parameters<typeof judgeProbe>[0], string] => [
    `a bare ${status}`,
    { answer: undefined, status },
    "silent",
  ]),
  ["a 500 with an error of JSON-RPC", { answer: error(-32601), status: 500 }, "other"],
  ["nothing", { answer: undefined, status: undefined }, "silent"],
];
for (const [what, evidence, verdict] of probes) {
  Deno.test(`judgeProbe: ${what} means ${verdict}`, () => strictEqual(judgeProbe(evidence), verdict));
}

const contradictions: [string, Parameters<typeof contradictsModern>[0], boolean][] = [
  ["a result", { answer: resultAnswer("1", {}), status: undefined }, false],
  ["-32022 without the modern revision", {
    answer: error(-32022, { supported: ["2025-11-25"] }),
    status: 400,
  }, true],
  [
    "-32022 without it and without a status",
    { answer: error(-32022, { supported: [] }), status: undefined },
    true,
  ],
  ["-32022 with it", { answer: error(-32022, { supported: ["2026-07-28"] }), status: 400 }, false],
  ...[400, 404, 405, 406, 415].map((status): [string, Parameters<typeof contradictsModern>[0], boolean] => [
    `a bare ${status}`,
    { answer: undefined, status },
    true,
  ]),
  ...[401, 403, 409, 422, 429, 500, 502, 503].map((
    status,
  ): [string, Parameters<typeof contradictsModern>[0], boolean] => [
    `a bare ${status}`,
    { answer: undefined, status },
    false,
  ]),
  ["-32000 with 400", { answer: error(-32000), status: 400 }, true],
  ["-32019 with 404", { answer: error(-32019), status: 404 }, true],
  ["-32020 with 400", { answer: error(-32020), status: 400 }, false],
  ["-32601 with 404", { answer: error(-32601), status: 404 }, false],
  ["-32602 with 400", { answer: error(-32602), status: 400 }, false],
  ["a code of its own with 400", { answer: error(7), status: 400 }, false],
  ["-32000 without a status", { answer: error(-32000), status: undefined }, false],
  ["-32000 with 500", { answer: error(-32000), status: 500 }, false],
  ["nothing", { answer: undefined, status: undefined }, false],
];
for (const [what, evidence, contradicts] of contradictions) {
  Deno.test(`contradictsModern: ${what} ${contradicts ? "does" : "does not"}`, () => {
    strictEqual(contradictsModern(evidence), contradicts);
  });
}
