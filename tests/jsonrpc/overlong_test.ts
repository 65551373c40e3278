import { deepStrictEqual } from "node:assert/strict";
import { readBroken, readOverlong } from "../../src/jsonrpc/overlong.ts";
import { encodeUtf8 } from "../../src/jsonrpc/utf8.ts";

const BROKEN: readonly [text: string, id: string | undefined, meant: string][] = [
  ['{"jsonrpc":"2.0","id":7,"result":{"x":NaN}}', "7", "answer"],
  ['{"jsonrpc":"2.0","result":{"x":NaN},"id":"a"}', '"a"', "answer"],
  ['{"id":7,"error":{"message":"\t"}}', "7", "answer"],
  ['{"id":7,"resu', "7", "unknown"],
  ['{"id":7', undefined, "unknown"],
  ['{"id":null,"result":NaN}', undefined, "answer"],
  ['{"result":{}} {"id":7}', "7", "answer"],
  ['{"jsonrpc":"2.0","id":7,"method":"m","params":{"x":NaN}}', "7", "call"],
  ['{"params":{"x":NaN},"id":7}', "7", "call"],
  ['{"method":', undefined, "call"],
  ["NaN", undefined, "unknown"],
  ['[{"id":7,"result":NaN}]', undefined, "unknown"],
  ['ready {"id":7}', undefined, "unknown"],
  ["", undefined, "unknown"],
];

for (const [text, id, meant] of BROKEN) {
  Deno.test(`readBroken takes ${JSON.stringify(text)} for ${meant}, id ${id}`, () => {
    deepStrictEqual(readBroken(encodeUtf8(text)), { id, meant });
  });
}

Deno.test("readOverlong finds an id at either end", () => {
  const read = (head: string, tail: string) =>
    readOverlong({ head: encodeUtf8(head), tail: encodeUtf8(tail) });
  deepStrictEqual(read('{"id":7,"result":{"x":"aaa', 'aaa"}}'), { id: "7", hasMethod: false });
  deepStrictEqual(read('{"result":{"x":"aaa', 'aaa"},"id":7}'), { id: "7", hasMethod: false });
  deepStrictEqual(read('{"id":7,"method":"m","params":{"x":"aaa', 'aaa"}}'), { id: "7", hasMethod: true });
  deepStrictEqual(read('{"result":{"x":"aaa', 'aaa"}}'), { id: undefined, hasMethod: false });
});
