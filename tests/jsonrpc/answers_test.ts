import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { errorAnswer, notification, request, resultAnswer } from "../../src/jsonrpc/answers.ts";
import { paramNames } from "../../src/jsonrpc/member_names.ts";
import { Message } from "../../src/jsonrpc/message.ts";
import { decodeUtf8, encodeUtf8, isUtf8 } from "../../src/jsonrpc/utf8.ts";
import { numberText, stringText } from "../support/generators.ts";

const id = fc.oneof(numberText, stringText);

Deno.test("messages of our own carry the id they were given as it was written", () => {
  fc.assert(fc.property(id, fc.jsonValue(), fc.string({ unit: "binary" }), (id, value, text) => {
    const result = resultAnswer(id, value);
    deepStrictEqual([result.kind, result.id, result.parsed("result")], [
      "result",
      id,
      JSON.parse(JSON.stringify(value)),
    ]);

    const error = errorAnswer(id, -32600, text, value);
    deepStrictEqual([error.kind, error.id], ["error", id]);
    deepStrictEqual(error.parsed("error"), {
      code: -32600,
      message: text,
      data: JSON.parse(JSON.stringify(value)),
    });

    const asked = request(id, text, { value });
    deepStrictEqual([asked.kind, asked.id, asked.method], ["request", id, text]);
    deepStrictEqual(asked.parsed("params"), { value: JSON.parse(JSON.stringify(value)) });
  }));
});

Deno.test("messages of our own leave out what they were not given", () => {
  strictEqual(
    errorAnswer(null, -32700, "no").text,
    '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}',
  );
  strictEqual(request("1", "ping").text, '{"jsonrpc":"2.0","id":1,"method":"ping"}');
  strictEqual(notification("a").text, '{"jsonrpc":"2.0","method":"a"}');
  strictEqual(notification("a", { b: 1 }).text, '{"jsonrpc":"2.0","method":"a","params":{"b":1}}');
});

Deno.test("paramNames lists the names in params, doubled ones as often as they are there", () => {
  const names = (params: string) =>
    paramNames(Message.fromText(`{"jsonrpc":"2.0","method":"m","params":${params}}`));
  deepStrictEqual(names('{"a":{"b":1},"\\u0061":2, "é" :[]}'), ["a", "a", "é"]);
  deepStrictEqual(names("{ }"), []);
  deepStrictEqual(names('["a"]'), []);
  deepStrictEqual(paramNames(Message.fromText('{"jsonrpc":"2.0","method":"m"}')), []);
});

Deno.test("isUtf8 agrees with a strict decoder on any bytes, near its window's edge too", () => {
  const strict = new TextDecoder("utf-8", { fatal: true });
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 8 }),
    fc.string({ unit: "binary", maxLength: 4 }).map(encodeUtf8),
    fc.array(fc.constantFrom(0x41, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x90, 0x9f, 0xed, 0xa0), {
      maxLength: 6,
    })
      .map((bytes) => new Uint8Array(bytes)),
  );
  fc.assert(
    fc.property(bytes, fc.constantFrom(0, 65_532, 65_533, 65_534, 65_535), (tail, pad) => {
      const whole = new Uint8Array(pad + tail.length).fill(0x20);
      whole.set(tail, pad);
      let valid = true;
      try {
        strict.decode(whole);
      } catch {
        valid = false;
      }
      strictEqual(isUtf8(whole), valid);
    }),
    { numRuns: 400 },
  );
});

Deno.test("text survives encoding and decoding, a byte order mark included", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => strictEqual(decodeUtf8(encodeUtf8(text)), text)),
  );
  strictEqual(decodeUtf8(encodeUtf8("\ufeffa")), "\ufeffa");
});
