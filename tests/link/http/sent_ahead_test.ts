/** A request that has left is given its response only where it is the very one that is wanted. */
import { strictEqual } from "node:assert/strict";
import { responseFor, type Wanted } from "../../../src/link/http/sent_ahead.ts";

const encoder = new TextEncoder();

const wanted: Omit<Wanted, "signal"> = {
  method: "POST",
  url: new URL("http://localhost/mcp"),
  headers: { accept: "application/json", "x-a": "1" },
  body: encoder.encode('{"a":1}'),
};

const OTHERS: Readonly<Record<string, Partial<Wanted>>> = {
  "another method": { method: "GET" },
  "another URL": { url: new URL("http://localhost/mcp?a") },
  "another header": { headers: { ...wanted.headers, "x-b": "1" } },
  "a header less": { headers: { accept: "application/json" } },
  "another value": { headers: { ...wanted.headers, "x-a": "2" } },
  "another name": { headers: { accept: "application/json", "x-b": "1" } },
  "another body": { body: encoder.encode('{"a":2}') },
  "a longer body": { body: encoder.encode('{"a":1} ') },
};

function sending() {
  const abort = new AbortController();
  const response = Promise.resolve(new Response("there"));
  const sent = {
    client: undefined as never,
    url: wanted.url,
    headers: wanted.headers,
    body: wanted.body!,
    response: () => response,
    abort: () => abort.abort(),
  };
  return { sent, gaveUp: abort.signal };
}

Deno.test("the same request is given the response, and giving it up gives that up", async () => {
  const { sent, gaveUp } = sending();
  const abort = new AbortController();
  const response = await responseFor({ ...wanted, signal: abort.signal }, sent);
  strictEqual(await response?.text(), "there");
  strictEqual(gaveUp.aborted, false);
  abort.abort();
  strictEqual(gaveUp.aborted, true);
});

for (const [what, other] of Object.entries(OTHERS)) {
  Deno.test(`a request with ${what} is given nothing, and what was sent is given up`, () => {
    const { sent, gaveUp } = sending();
    strictEqual(responseFor({ ...wanted, ...other, signal: new AbortController().signal }, sent), undefined);
    strictEqual(gaveUp.aborted, true);
  });
}

Deno.test("a request without a body is given nothing", () => {
  const { body: _, ...rest } = wanted;
  strictEqual(responseFor({ ...rest, signal: new AbortController().signal }, sending().sent), undefined);
});
