import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { answerForLack } from "../../src/upstream/held_capabilities.ts";
import { request } from "../../src/jsonrpc/answers.ts";

const ALL = { tools: {}, prompts: {}, resources: {}, completions: {}, logging: {}, experimental: {} };

/** Method, the capability it needs, and the empty list that stands for it. */
const TABLE: [method: string, owner: string, list: string | undefined][] = [
  ["tools/list", "tools", "tools"],
  ["tools/call", "tools", undefined],
  ["prompts/list", "prompts", "prompts"],
  ["prompts/get", "prompts", undefined],
  ["resources/list", "resources", "resources"],
  ["resources/templates/list", "resources", "resourceTemplates"],
  ["resources/read", "resources", undefined],
  ["resources/subscribe", "resources", undefined],
  ["resources/unsubscribe", "resources", undefined],
  ["completion/complete", "completions", undefined],
  ["logging/setLevel", "logging", undefined],
];

for (const [method, owner, list] of TABLE) {
  const answer = list === undefined ? "an error" : "an empty list";
  Deno.test(`${method} is answered with ${answer} where the server has no ${owner} any more`, () => {
    const message = request("7", method);
    const { [owner]: _, ...without } = ALL as Record<string, unknown>;
    const local = answerForLack(message, ALL, without, "E")!;
    strictEqual(local.id, "7");
    if (list === undefined) {
      const error = local.parsed("error") as { code: number; message: string; data: { outcome: string } };
      deepStrictEqual([error.code, error.data.outcome], [-32601, "not_run"]);
      match(error.message, new RegExp(`no ${owner}, which the one before it had`));
    } else {
      deepStrictEqual(local.parsed("result"), { [list]: [] });
    }
    // The server answers for what it has, and for what the client was never shown.
    strictEqual(answerForLack(message, ALL, ALL, "E"), undefined);
    strictEqual(answerForLack(message, without, {}, "E"), undefined);
  });
}

Deno.test("what belongs to no capability is the server's to answer", () => {
  for (const method of ["ping", "initialize", "x/unheard_of", "constructor"]) {
    strictEqual(answerForLack(request("1", method), ALL, {}, "E"), undefined);
  }
});
