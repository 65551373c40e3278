import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type Backlog, createBacklog } from "../../src/bridge/backlog.ts";
import { notification, request } from "../../src/jsonrpc/answers.ts";
import { idKey } from "../../src/jsonrpc/id.ts";
import { openExchange } from "../../src/link/exchange.ts";

const add = (backlog: Backlog, id: string | undefined) =>
  backlog.add({
    message: id === undefined ? notification("n") : request(id, "m"),
    exchange: id === undefined ? undefined : openExchange(() => {}),
    begin() {},
  });

Deno.test("createBacklog gives back in order, and out of order by id", () => {
  const backlog = createBacklog();
  for (const id of ["1", undefined, '"\\u0061"', "2"]) add(backlog, id);
  strictEqual(backlog.size, 4);
  deepStrictEqual(["1", '"1"', '"a"', "3"].map((id) => backlog.has(idKey(id))), [true, false, true, false]);
  strictEqual(backlog.take(idKey('"a"'))?.message.id, '"\\u0061"');
  strictEqual(backlog.take(idKey('"a"')), undefined);
  deepStrictEqual([1, 2, 3, 4].map(() => backlog.shift()?.message.id), ["1", undefined, "2", undefined]);
  deepStrictEqual([backlog.size, backlog.bytes], [0, 0]);
});

Deno.test("createBacklog counts what messages take, small ones as well", () => {
  const backlog = createBacklog();
  add(backlog, "1");
  const one = backlog.bytes;
  strictEqual(one > 1024 && one < 1200, true);
  add(backlog, undefined);
  backlog.shift();
  strictEqual(backlog.bytes < one + 20 && backlog.bytes > 1024, true);
});
