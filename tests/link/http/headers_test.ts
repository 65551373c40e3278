import { deepStrictEqual, doesNotThrow, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Message } from "../../../src/jsonrpc/message.ts";
import { mediaType, postHeaders } from "../../../src/link/http/headers.ts";

const NONE = { id: undefined, revision: undefined };
const ALWAYS = { "accept": "application/json, text/event-stream", "content-type": "application/json" };

Deno.test("postHeaders say what may come back, and nothing of a session there is none of", () => {
  const ping = Message.fromText('{"jsonrpc":"2.0","id":1,"method":"ping"}');
  deepStrictEqual(postHeaders(ping, NONE), { ...ALWAYS, "mcp-method": "ping" });
});

Deno.test("postHeaders carry the session and the revision once they are known", () => {
  const answer = Message.fromText('{"jsonrpc":"2.0","id":1,"result":{}}');
  deepStrictEqual(postHeaders(answer, { id: "abc", revision: "2025-06-18" }), {
    ...ALWAYS,
    "mcp-session-id": "abc",
    "mcp-protocol-version": "2025-06-18",
  });
});

Deno.test("postHeaders name the method where a header can, and fetch takes whatever they hold", () => {
  const method = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("tools/call", "a b", " a", "a ", "", "é", "a\r\nx: y"),
  );
  fc.assert(fc.property(method, (method) => {
    const headers = postHeaders(Message.of({ jsonrpc: "2.0", id: 1, method }), NONE);
    const plain = /^[\x20-\x7e]+$/.test(method) && method.trim() === method;
    strictEqual(headers["mcp-method"], plain ? method : undefined);
    doesNotThrow(() => new Headers(headers));
  }));
});

Deno.test("mediaType reads the type alone, in lower case", () => {
  const type = (value: string | undefined) =>
    mediaType(
      new Response(new Uint8Array(0), value === undefined ? {} : { headers: { "content-type": value } }),
    );
  strictEqual(type("application/json"), "application/json");
  strictEqual(type("Text/Event-Stream; charset=utf-8"), "text/event-stream");
  strictEqual(type(" application/json ;x"), "application/json");
  strictEqual(type(undefined), "");
  strictEqual(type(";"), "");
});
