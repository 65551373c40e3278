import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { createQuestions } from "../../src/balance/questions.ts";
import { errorAnswer, notification, resultAnswer } from "../../src/jsonrpc/answers.ts";
import { textAt } from "../../src/jsonrpc/edit.ts";
import { idKey } from "../../src/jsonrpc/id.ts";
import { Message } from "../../src/jsonrpc/message.ts";
import { markedId } from "../../src/upstream/marked_id.ts";
import { stringText } from "../support/generators.ts";

const asks = (id: string, token?: string) =>
  Message.fromText(
    `{"jsonrpc":"2.0","id":${id},"method":"sampling/createMessage","params":{"n":1.50${
      token === undefined ? "" : `,"_meta":{"progressToken":${token}}`
    }}}`,
  );
const takesBack = (id: string) =>
  Message.fromText(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}`);
const progresses = (token: string) =>
  Message.fromText(
    `{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":${token},"progress":1E400}}`,
  );
const tokenOf = (message: Message) => textAt(message, ["params", "_meta", "progressToken"])!;

Deno.test("Servers that use the same ids and tokens each get their own answer and progress back, as they wrote them", () => {
  const id = fc.oneof(fc.nat(2).map(String), fc.constantFrom('"a"', '"\\u0061"'), stringText);
  const asked = fc.array(fc.record({ serial: fc.nat(4), id }), { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(asked, (asked) => {
    const questions = createQuestions();
    const shown = asked.map(({ serial, id }) => questions.toClient(serial, asks(id, id)));
    for (const [i, { serial, id }] of asked.entries()) {
      const reported = questions.toServer(progresses(tokenOf(shown[i]!)))!;
      deepStrictEqual([reported.serial, reported.message.text], [serial, progresses(id).text]);
    }
    const distinct = new Set(shown.map((it) => idKey(it.id!)));
    ok(distinct.size >= new Set(asked.map(({ serial, id }) => `${serial} ${idKey(id)}`)).size);
    for (const [i, { serial, id }] of asked.entries()) {
      const answered = questions.toServer(resultAnswer(shown[i]!.id!, { i }))!;
      deepStrictEqual([answered.serial, answered.message.text], [serial, resultAnswer(id, { i }).text]);
    }
  }));
});

Deno.test("What is asked keeps its bytes but for its id and its token", () => {
  const questions = createQuestions();
  questions.toClient(7, asks("1"));
  strictEqual(questions.toClient(8, asks("1")).text, asks(markedId(1, "1")).text);
  strictEqual(questions.toClient(8, asks("2", '"t"')).text, asks(markedId(1, "2"), markedId(1, '"t"')).text);
});

Deno.test("Whoever asks first is not changed at all, unless it imitates another", () => {
  const questions = createQuestions();
  const plain = asks('"q\\u0041"', "9");
  strictEqual(questions.toClient(5, plain), plain);
  questions.toClient(6, asks("3"));
  const forged = questions.toClient(5, asks(markedId(1, "3")));
  notStrictEqual(forged.id, markedId(1, "3"));
  const { serial, message } = questions.toServer(resultAnswer(forged.id!, {}))!;
  deepStrictEqual([serial, message.id], [5, markedId(1, "3")]);
});

Deno.test("A server takes back its own question and no other", () => {
  const questions = createQuestions();
  const [a, b] = [questions.toClient(0, asks("1")), questions.toClient(1, asks("1"))];
  strictEqual(questions.toClient(1, takesBack("1")).text, takesBack(b.id!).text);
  ok(questions.asks(0) && !questions.asks(1));
  strictEqual(questions.toClient(0, takesBack("1")).text, takesBack(a.id!).text);
  ok(!questions.asks(0));
});

Deno.test("A server may spell the id of what it takes back in another way", () => {
  for (const [id, other] of [['"a"', '"\\u0061"'], ["1", "1.0"], ["9007199254740993", "9007199254740992"]]) {
    for (const serial of [0, 1]) {
      const questions = createQuestions();
      questions.toClient(0, asks('"first"'));
      const shown = questions.toClient(serial, asks(id!));
      strictEqual(questions.toClient(serial, takesBack(other!)).text, takesBack(shown.id!).text);
      strictEqual(questions.withdraw([shown.id!], "x").length, 0);
    }
  }
});

Deno.test("What it takes back that it never asked, or without an id, crosses nobody", () => {
  const questions = createQuestions();
  questions.toClient(0, asks("1"));
  strictEqual(questions.toClient(1, takesBack("1")).text, takesBack(markedId(1, "1")).text);
  const nameless = notification("notifications/cancelled", {});
  strictEqual(questions.toClient(1, nameless), nameless);
  ok(questions.asks(0));
});

Deno.test("Other notifications pass as they are", () => {
  const questions = createQuestions();
  for (const it of [progresses("1"), notification("notifications/message", { level: "info", data: 1 })]) {
    strictEqual(questions.toClient(3, it), it);
  }
});

Deno.test("What a server asked that is gone is cancelled with the client, once, and what it answers then reaches nobody", () => {
  const questions = createQuestions();
  const [a, b, c] = [
    questions.toClient(0, asks("1")),
    questions.toClient(1, asks("1", "1")),
    questions.toClient(1, asks('"x"')),
  ];
  questions.toServer(errorAnswer(c.id!, -1, "no"));
  const cancelled = notification("notifications/cancelled", { requestId: 0, reason: "it is gone" }).text
    .replace(":0", `:${b.id}`);
  deepStrictEqual(questions.ended(1, "it is gone").map(({ text }) => text), [cancelled]);
  deepStrictEqual(questions.ended(1, "it is gone"), []);
  ok(questions.asks(0) && !questions.asks(1));
  strictEqual(questions.toServer(resultAnswer(b.id!, {})), undefined);
  strictEqual(questions.toServer(progresses(tokenOf(b))), undefined);
  strictEqual(questions.toServer(resultAnswer(a.id!, {}))!.serial, 0);
});

Deno.test("An answer to what was asked in a session that is over is none to what is asked under the same id in the next", () => {
  for (const first of [0, 1]) {
    const questions = createQuestions();
    for (let serial = 0; serial <= first; serial++) questions.toClient(serial, asks("1"));
    const before = questions.ended(first, "over")[0]!;
    const after = questions.toClient(first, asks("1"));
    ok(!before.text.includes(`"requestId":${after.id}`));
    const { serial, message } = questions.toServer(resultAnswer(after.id!, {}))!;
    deepStrictEqual([serial, message.id], [first, "1"]);
  }
});

Deno.test("What was asked for a request that has failed is cancelled, unless it has been answered or taken back", () => {
  const questions = createQuestions();
  const ids = ["1", "2", "3", "4"].map((id) => questions.toClient(1, asks(id)).id!);
  questions.toServer(resultAnswer(ids[0]!, {}));
  questions.toClient(1, takesBack("2"));
  deepStrictEqual(questions.withdraw(ids.slice(0, 3), "x").map((it) => it.parsed("params")), [
    { requestId: JSON.parse(ids[2]!), reason: "x" },
  ]);
  ok(questions.asks(1));
  strictEqual(questions.withdraw(ids, "x").length, 1);
  ok(!questions.asks(1));
});

Deno.test("Progress of nothing that was asked reaches nobody", () => {
  const questions = createQuestions();
  strictEqual(questions.toServer(progresses("1")), undefined);
  questions.toClient(4, asks("1"));
  strictEqual(questions.toServer(progresses(markedId(2, "1"))), undefined);
  strictEqual(questions.toServer(notification("notifications/progress", {})), undefined);
});

Deno.test("Account is kept of so many questions and no more", () => {
  const questions = createQuestions();
  for (let i = 0; i < 4100; i++) questions.toClient(0, asks(String(i)));
  strictEqual(questions.ended(0, "x").length, 4096);
});
