import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { errorAnswer, request } from "../../src/jsonrpc/answers.ts";
import { isRetryOf, readUrlElicitations } from "../../src/mcp/rounds.ts";

const call = (params: unknown, method = "tools/call") => request("1", method, params);

const retries: [what: string, first: unknown, retry: unknown, same: boolean][] = [
  ["the same", { name: "a" }, { name: "a" }, true],
  ["with state and answers", { name: "a" }, { name: "a", requestState: "s", inputResponses: {} }, true],
  ["of one that had them as well", { name: "a", requestState: "x" }, { name: "a", requestState: "s" }, true],
  ["with another envelope", { name: "a", _meta: { x: 1 } }, { name: "a", _meta: { y: 2 } }, true],
  ["in another order", { name: "a", arguments: { x: 1, y: [{}] } }, {
    arguments: { y: [{}], x: 1 },
    name: "a",
  }, true],
  ["of another tool", { name: "a" }, { name: "b" }, false],
  ["with other arguments", { name: "a", arguments: { x: 1 } }, { name: "a", arguments: { x: 2 } }, false],
  ["with more arguments", { name: "a", arguments: {} }, { name: "a", arguments: { x: 2 } }, false],
  ["with fewer arguments", { name: "a", arguments: { x: 2 } }, { name: "a", arguments: {} }, false],
  ["without arguments", { name: "a", arguments: {} }, { name: "a" }, false],
  ["with a list in another order", { l: [1, 2] }, { l: [2, 1] }, false],
  ["with a list that is longer", { l: [1] }, { l: [1, 1] }, false],
  ["with a list that is shorter", { l: [1, 1] }, { l: [1] }, false],
  ["with an object for a list", { l: [] }, { l: {} }, false],
  ["with null for an object", { l: {} }, { l: null }, false],
  ["with a text for a number", { l: 1 }, { l: "1" }, false],
  ["with a name of every object for one of its own", { l: { constructor: 1 } }, { l: { x: 1 } }, false],
  ["with nothing for null", { l: null }, {}, false],
];
for (const [what, first, retry, same] of retries) {
  Deno.test(`isRetryOf: one ${what} is ${same ? "" : "not "}the same request`, () => {
    strictEqual(isRetryOf(call(retry), call(first)), same);
  });
}

Deno.test("isRetryOf: another method is another request", () => {
  strictEqual(isRetryOf(call({ name: "a" }, "prompts/get"), call({ name: "a" })), false);
  strictEqual(isRetryOf(call(undefined), call(undefined)), true);
});

Deno.test("isRetryOf: every request is its own retry, whatever was added to it, and no other's", () => {
  const params = fc.dictionary(fc.string(), fc.jsonValue());
  fc.assert(fc.property(params, params, fc.string(), (a, b, state) => {
    strictEqual(isRetryOf(call({ ...a, requestState: state, inputResponses: b, _meta: b }), call(a)), true);
    strictEqual(isRetryOf(call({ ...a, [`x${state}`]: 1 }), call({ ...a, [`x${state}`]: 2 })), false);
  }));
});

const page = (params: Record<string, unknown>) => JSON.stringify({ method: "elicitation/create", params });
const pages: [what: string, data: unknown, urls: string[]][] = [
  ["nothing", undefined, []],
  ["no list", { elicitations: { url: "x" } }, []],
  ["an empty list", { elicitations: [] }, []],
  ["what is no page", { elicitations: [7, null, {}, { url: 7 }, { mode: "form" }] }, []],
  ["a page", { elicitations: [{ mode: "url", url: "u", message: "m", elicitationId: "i", x: 1 }] }, [
    page({ mode: "url", url: "u", message: "m", x: 1 }),
  ]],
  ["a page that does not say it is one", { elicitations: [{ url: "u" }] }, [page({ mode: "url", url: "u" })]],
  ["two", { elicitations: [{ url: "u" }, 7, { url: "v" }] }, [
    page({ mode: "url", url: "u" }),
    page({ mode: "url", url: "v" }),
  ]],
];
for (const [what, data, urls] of pages) {
  Deno.test(`readUrlElicitations finds ${urls.length} in ${what}`, () => {
    deepStrictEqual(readUrlElicitations(errorAnswer("1", -32042, "m", data)), urls);
  });
}
