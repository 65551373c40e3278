import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { encodeUtf8 } from "../../src/jsonrpc/utf8.ts";
import { Message } from "../../src/jsonrpc/message.ts";
import { createCorrelator } from "../../src/link/correlator.ts";
import { openExchange } from "../../src/link/exchange.ts";
import { inbox } from "../../src/link/inbox.ts";
import type { Receive } from "../../src/link/peer.ts";
import { collectedLog } from "../support/collected_log.ts";

/** An inbox for a session of some revision, with requests waiting. */
function opened(revision: string | undefined, ...waiting: string[]) {
  const log = collectedLog();
  const correlator = createCorrelator();
  if (revision !== undefined) {
    const initialize = Message.fromText('{"jsonrpc":"2.0","id":"init","method":"initialize"}');
    correlator.add(initialize, openExchange(() => {}));
    correlator.answer(
      Message.fromText(`{"jsonrpc":"2.0","id":"init","result":{"protocolVersion":"${revision}"}}`),
    );
  }
  const exchanges = new Map(waiting.map((id) => [id, openExchange(() => {})]));
  for (const [id, exchange] of exchanges) {
    correlator.add(Message.fromText(`{"jsonrpc":"2.0","id":${id},"method":"m"}`), exchange);
  }
  const received: string[] = [];
  const take = inbox({ endpoint: "E", logger: log.logger, correlator });
  return {
    log,
    received,
    take: (
      text: string | Uint8Array<ArrayBuffer>,
      receive: Receive = (message) => void received.push(message.text),
      about?: string,
    ) =>
      take(
        typeof text === "string" ? encodeUtf8(text) : text,
        receive,
        about === undefined ? undefined : Message.fromText(`{"jsonrpc":"2.0","id":${about},"method":"m"}`),
      ),
    /** How the request ended; `undefined` while it waits. */
    async outcome(id: string): Promise<string | undefined> {
      const exchange = exchanges.get(id)!;
      if (!exchange.settled) return undefined;
      const outcome = await exchange.outcome;
      if (outcome.kind === "answered") return outcome.message.text;
      return "failure" in outcome ? outcome.failure.code : outcome.kind;
    },
  };
}

const RESULT = '{"jsonrpc":"2.0","id":1,"result":{}}';
const ASK = '{"jsonrpc":"2.0","id":1,"method":"roots/list"}';
const TELL = '{"jsonrpc":"2.0","method":"notifications/message","params":{}}';

Deno.test("inbox hands on what is no answer, and gives answers to their requests", async () => {
  const it = opened("2025-11-25", "1");
  for (const text of [ASK, TELL, RESULT]) strictEqual(it.take(text), undefined);
  deepStrictEqual(it.received, [ASK, TELL]);
  strictEqual(await it.outcome("1"), RESULT);
});

Deno.test("inbox drops an answer to no request", () => {
  const it = opened("2025-11-25", "1");
  it.take(RESULT.replace("1", "2"));
  deepStrictEqual(it.received, []);
  strictEqual(it.log.messages("debug").length, 1);
});

Deno.test("inbox is as slow as the receiver", () => {
  const it = opened("2025-11-25");
  const slow = Promise.resolve();
  strictEqual(it.take(TELL, () => slow), slow);
});

Deno.test("inbox drops what is no message with a warning that shows its beginning", () => {
  const it = opened("2025-11-25");
  for (const text of ["Server listening on port 3000", "{", "1", "[]", '{"jsonrpc":"2.0"}']) {
    strictEqual(it.take(text), undefined);
  }
  deepStrictEqual(it.received, []);
  strictEqual(it.log.messages("warn").length, 5);
  strictEqual(it.log.records[0]?.fields?.received, "Server listening on port 3000");
});

Deno.test("inbox fails the request whose answer is no valid message", async () => {
  for (
    const text of [
      '{"id":1,"result":{}}',
      '{"jsonrpc":"2.0","id":1}',
      '{"jsonrpc":"2.0","id":1,"result":1,"error":{}}',
    ]
  ) {
    const it = opened("2025-11-25", "1", "2");
    it.take(text);
    deepStrictEqual([await it.outcome("1"), await it.outcome("2")], ["NOT_MCP", undefined], text);
  }
});

/** An answer with a byte that is no UTF-8. */
const LATIN = encodeUtf8('{"jsonrpc":"2.0","id":1,"result":{"x":"?"}}').map((byte) =>
  byte === 0x3f ? 0xe9 : byte
);

Deno.test("inbox fails the request whose answer can't be parsed, by the id beside the fault", async () => {
  for (
    const text of [
      '{"jsonrpc":"2.0","id":1,"result":{"x":NaN}}',
      '{"jsonrpc":"2.0","result":{"x":NaN},"id":1}',
      '{"jsonrpc":"2.0","id":1.0,"error":{"code":-32000,"message":"a\nb"}}'.replace("\\n", "\n"),
      '{"jsonrpc":"2.0","id":1,"result":{}} trailing',
      LATIN,
    ]
  ) {
    const it = opened("2025-11-25", "1", "2");
    it.take(text);
    deepStrictEqual([await it.outcome("1"), await it.outcome("2")], ["NOT_MCP", undefined], String(text));
  }
});

Deno.test("inbox takes an answer without a readable id for that of the one request there is, or of the stream's", async () => {
  const text = '{"jsonrpc":"2.0","result":{"x":NaN}}';
  const one = opened("2025-11-25", "1");
  one.take(text);
  strictEqual(await one.outcome("1"), "NOT_MCP");
  const two = opened("2025-11-25", "1", "2");
  two.take(text);
  deepStrictEqual([await two.outcome("1"), await two.outcome("2")], [undefined, undefined]);
  two.take(text, undefined, "2");
  deepStrictEqual([await two.outcome("1"), await two.outcome("2")], [undefined, "NOT_MCP"]);
});

Deno.test("inbox fails no request for noise, or for a broken request of the server's", async () => {
  for (
    const text of [
      "Server listening on port 3000",
      "{",
      "{ id: 1 }",
      'listening {"id":1}',
      '{"jsonrpc":"2.0","id":1,"method":"roots/list","params":NaN}',
      '{"jsonrpc":"2.0","params":{"x":NaN},"id":1}',
      '{"jsonrpc":"2.0","method":"notifications/message","params":{"data":NaN}}',
    ]
  ) {
    const it = opened("2025-11-25", "1");
    it.take(text);
    strictEqual(await it.outcome("1"), undefined, text);
  }
});

Deno.test("inbox fails no request of ours for an invalid one of the server's with the same id", async () => {
  for (const text of ['{"id":1,"method":"roots/list"}', '{"jsonrpc":"2.0","id":1,"method":"m","params":1}']) {
    const it = opened("2025-11-25", "1");
    it.take(text);
    strictEqual(await it.outcome("1"), undefined, text);
  }
});

Deno.test("inbox takes batches apart in revision 2025-03-26, in order and at the receiver's pace", async () => {
  const it = opened("2025-03-26", "1");
  let open: () => void = () => {};
  const gate = new Promise<void>((resolve) => open = resolve);
  const order: string[] = [];
  const done = it.take(` [${ASK}, ${TELL} ,${RESULT},{"id":5}]`, async (message) => {
    await gate;
    order.push(message.method!);
  });
  ok(done instanceof Promise);
  strictEqual(await it.outcome("1"), undefined);
  open();
  await done;
  deepStrictEqual(order, ["roots/list", "notifications/message"]);
  strictEqual(await it.outcome("1"), RESULT);
});

for (const revision of ["2024-11-05", "2025-06-18", "2025-11-25", undefined]) {
  Deno.test(`inbox refuses batches in revision ${revision}: requests answered in one get an error, the rest is dropped`, async () => {
    const it = opened(revision, "1", "2");
    await it.take(`[${ASK},${TELL},${RESULT}]`);
    deepStrictEqual([await it.outcome("1"), await it.outcome("2")], ["INVALID_REQUEST", undefined]);
    deepStrictEqual(it.received, []);
    strictEqual(it.log.messages("warn").length, 1);
  });
}

Deno.test("inbox takes a batch for no JSON that has something other than white space around it", () => {
  for (const text of [`\u0001[${TELL}]`, `[${TELL}]x`, `\ufeff[${TELL}]`, `[${TELL},]`, `[${TELL}`]) {
    const it = opened("2025-03-26");
    it.take(text);
    deepStrictEqual(it.received, [], JSON.stringify(text));
  }
});
