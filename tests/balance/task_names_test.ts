import { strictEqual } from "node:assert/strict";
import { clientTaskIn, renameTasksIn, renameTasksInAnswer } from "../../src/balance/task_names.ts";
import { Message } from "../../src/jsonrpc/message.ts";

const RELATED = '"_meta":{"io.modelcontextprotocol/related-task":{"taskId":"t"}}';
const answer = (result: string) => Message.fromText(`{"jsonrpc":"2.0","id":1,"result":${result}}`);
const says = (method: string, params: string, id = "") =>
  Message.fromText(`{"jsonrpc":"2.0",${id}"method":"${method}","params":${params}}`);
const rename = (text: string) => text === '"t"' ? '"renamed"' : text;
const renamed = (text: string) => text.replaceAll('"taskId":"t"', '"taskId":"renamed"');

Deno.test("The tasks in an answer get the names that the client knows, and all else keeps its bytes", () => {
  const table: [method: string, result: string][] = [
    ["tools/call", '{"task":{"taskId":"t","ttl":1E3}}'],
    ["tools/call", `{"content":[ 1.0 ],${RELATED}}`],
    ["tasks/get", '{ "taskId":"t", "status":"working" }'],
    ["tasks/cancel", '{"taskId":"t"}'],
    ["tasks/result", `{${RELATED},"content":[]}`],
    [
      "tasks/list",
      '{"tasks":[{"taskId":"other"},{"n":1.50,"taskId":"t"},{"taskId":"t"},{}],"nextCursor":"2"}',
    ],
  ];
  for (const [method, result] of table) {
    strictEqual(renameTasksInAnswer(method, answer(result), rename).text, renamed(answer(result).text));
  }
});

Deno.test("What only looks like a task is left alone", () => {
  const table: [method: string, result: string][] = [
    ["tools/call", '{"structuredContent":{"taskId":"t"},"content":[{"text":"\\"taskId\\":\\"t\\""}]}'],
    ["resources/read", '{"taskId":"t"}'],
    ["tasks/list", '{"tasks":"taskId","x":[{"taskId":"t"}]}'],
    ["tasks/list", '{"tasks":["taskId",null,[{"taskId":"t"}]]}'],
    ["tasks/get", '{"taskId":"other"}'],
  ];
  for (const [method, result] of table) {
    const message = answer(result);
    strictEqual(renameTasksInAnswer(method, message, rename), message);
  }
  const call = says("elicitation/create", '{"taskId":"t"}', '"id":1,');
  strictEqual(renameTasksIn(call, rename), call);
});

Deno.test("What is said of a task on its way names it as who gets it knows it", () => {
  const table = [
    says("notifications/tasks/status", '{"taskId":"t","status":"working"}'),
    says("notifications/progress", `{"progressToken":1,${RELATED}}`),
    says("sampling/createMessage", `{${RELATED},"messages":[]}`, '"id":1,'),
    answer(`{${RELATED},"action":"accept"}`),
  ];
  for (const message of table) strictEqual(renameTasksIn(message, rename).text, renamed(message.text));
});

Deno.test("The client's own tasks are known by its answer and by what it tells of them", () => {
  strictEqual(clientTaskIn(answer('{"task":{"taskId":"mine"}}')), '"mine"');
  strictEqual(clientTaskIn(says("notifications/tasks/status", '{"taskId":"mine"}')), '"mine"');
  strictEqual(clientTaskIn(answer(`{${RELATED}}`)), undefined);
  strictEqual(clientTaskIn(says("notifications/progress", '{"taskId":"mine"}')), undefined);
  strictEqual(clientTaskIn(answer("{}")), undefined);
});
