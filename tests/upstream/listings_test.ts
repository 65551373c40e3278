import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createListings, elementsOf } from "../../src/upstream/listings.ts";
import { errorAnswer, request, resultAnswer } from "../../src/jsonrpc/answers.ts";
import { Message } from "../../src/jsonrpc/message.ts";

const LIST = request("1", "tools/list");
const call = (name: unknown) => request("2", "tools/call", { name });
const page = (tools: unknown, nextCursor?: string) =>
  resultAnswer("1", { tools, ...(nextCursor === undefined ? {} : { nextCursor }) });
const next = (cursor: string) => request("1", "tools/list", { cursor });

Deno.test("the hints of a tool are those the client was shown, on whatever page", () => {
  const listings = createListings();
  strictEqual(listings.hintsFor(call("a")), undefined);
  listings.note(LIST, page([{ name: "a", annotations: { readOnlyHint: true } }, { name: "b" }], "more"));
  listings.note(next("more"), page([{ name: "c", annotations: { idempotentHint: true } }]));
  deepStrictEqual(listings.hintsFor(call("a")), { readOnly: true, idempotent: false });
  deepStrictEqual(listings.hintsFor(call("b")), { readOnly: false, idempotent: false });
  deepStrictEqual(listings.hintsFor(call("c")), { readOnly: false, idempotent: true });
  for (const name of ["d", "constructor", 7, null, undefined]) {
    strictEqual(listings.hintsFor(call(name)), undefined);
  }
  strictEqual(listings.hintsFor(request("2", "prompts/get", { name: "a" })), undefined);
});

Deno.test("hints that are no booleans, and tools that are none, hint at nothing", () => {
  const listings = createListings();
  const annotations = { readOnlyHint: "true", idempotentHint: 1 };
  listings.note(
    LIST,
    page([null, 7, { name: 7 }, { name: "a", annotations }, { name: "b", annotations: [] }]),
  );
  for (const name of ["a", "b"]) {
    deepStrictEqual(listings.hintsFor(call(name)), { readOnly: false, idempotent: false });
  }
  for (const tools of [undefined, {}, "x"]) {
    listings.note(LIST, page(tools));
    strictEqual(listings.hintsFor(call("a")), undefined);
  }
});

Deno.test("a list that is read anew takes the place of the old", () => {
  const listings = createListings();
  listings.note(LIST, page([{ name: "a", annotations: { readOnlyHint: true } }]));
  listings.note(LIST, page([{ name: "a" }]));
  deepStrictEqual(listings.hintsFor(call("a")), { readOnly: false, idempotent: false });
  strictEqual(listings.pages("tools/list")?.length, 1);
});

Deno.test("hints of another server's tools count for nothing until its list is read", () => {
  const listings = createListings();
  const readOnly = page([{ name: "a", annotations: { readOnlyHint: true } }]);
  listings.note(LIST, readOnly);
  listings.forgetHints();
  strictEqual(listings.hintsFor(call("a")), undefined);
  listings.replace("tools/list", [readOnly]);
  deepStrictEqual(listings.hintsFor(call("a")), { readOnly: true, idempotent: false });
  listings.forgetHints();
  listings.note(LIST, page([{ name: "a" }]));
  deepStrictEqual(listings.hintsFor(call("a")), { readOnly: false, idempotent: false });
});

Deno.test("pages are those of a list that was read to its end", () => {
  const listings = createListings();
  const [first, second] = [page([1], "more"), page([2])];
  strictEqual(listings.pages("tools/list"), undefined);
  listings.note(LIST, first);
  strictEqual(listings.pages("tools/list"), undefined);
  listings.note(next("more"), second);
  deepStrictEqual(listings.pages("tools/list"), [first, second]);
  deepStrictEqual(listings.methods, ["tools/list"]);
});

Deno.test("nothing is kept of errors, of other answers, and of lists too large", () => {
  const listings = createListings();
  listings.note(LIST, errorAnswer("1", -32601, "no"));
  listings.note(request("1", "resources/read"), resultAnswer("1", { contents: [] }));
  listings.note(request("1", "constructor"), resultAnswer("1", {}));
  deepStrictEqual(listings.methods, []);
  listings.note(LIST, page([{ name: "x".repeat(17 * 1024 * 1024) }]));
  strictEqual(listings.pages("tools/list"), undefined);
});

Deno.test("two lists say the same when their elements do, however they are cut into pages", () => {
  const whole = Message.fromText('{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"},{"n":1E400}]}}');
  const parts = [
    '{"jsonrpc":"2.0","id":2,"result":{"_meta":{},"tools":[{"name":"a"}],"nextCursor":"x"}}',
    '{"jsonrpc":"2.0","id":3,"result":{"tools":[ {"n":1E400} ]}}',
  ].map(Message.fromText);
  strictEqual(elementsOf("tools/list", [whole]), elementsOf("tools/list", parts));
  strictEqual(elementsOf("tools/list", [page(undefined)]), "");
});
