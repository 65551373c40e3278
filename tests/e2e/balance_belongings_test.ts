/** Cursors, states and tasks of several upstreams that all look the same: each goes back to who made it. */
import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { startModernHttpServer } from "../support/modern_servers.ts";
import type { Program } from "../support/program.ts";
import type { PeerOverride, RawPeer } from "../support/raw_peer.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { type Override, type RawServer, startRawServer } from "../support/raw_server.ts";
import { startSdkHttpServer, startSdkTcpServer } from "../support/sdk_servers.ts";
import type { WireMessage } from "../support/wire_message.ts";
import { until } from "../support/until.ts";
import {
  balanced,
  callTool,
  placeOf,
  type ScriptedServer,
  sentOf,
  sentTo,
  startBalanced,
} from "./balanced.ts";
import { ABLE, ask } from "./modern_requests.ts";

const LISTS = [
  ["tools/list", "tools"],
  ["prompts/list", "prompts"],
  ["resources/list", "resources"],
  ["resources/templates/list", "resourceTemplates"],
] as const;

const CAPABILITIES = { tools: {}, prompts: {}, resources: {}, logging: {}, tasks: { list: {}, cancel: {} } };

/** The page that a server with this name answers with: three of them, with the same cursors everywhere. */
function page(name: string, { method, params }: WireMessage): unknown {
  const [, member] = LISTS.find(([list]) => list === method)!;
  const at = Number(params?.cursor ?? "1");
  if (![1, 2, 3].includes(at)) return undefined;
  const items = [{
    name: `${name}-${at}`,
    uri: `x://${name}/${at}`,
    uriTemplate: `x://${name}/${at}/{a}`,
    inputSchema: {},
  }];
  return { [member]: items, ...(at < 3 ? { nextCursor: String(at + 1) } : {}) };
}

const linePages = (name: string): Record<string, PeerOverride> =>
  Object.fromEntries(LISTS.map(([method]) => [method, (message: WireMessage, peer: RawPeer) => {
    const result = page(name, message);
    return result === undefined ? peer.error(message, -32602, "no such page") : peer.result(message, result);
  }]));
const httpPages = (name: string): Record<string, Override> =>
  Object.fromEntries(LISTS.map(([method]): [string, Override] => [method, ({ message }, reply) => {
    const result = page(name, message);
    return result === undefined ? reply.error(-32602, "no such page") : reply.result(result);
  }]));

async function pagers() {
  await using stack = new AsyncDisposableStack();
  const a = stack.use(await startRawLineServer({ capabilities: CAPABILITIES, on: linePages("a") }));
  const b = stack.use(await startRawServer({ capabilities: CAPABILITIES, on: httpPages("b") }));
  const c = stack.use(await startRawLineServer({ capabilities: CAPABILITIES, on: linePages("c") }));
  const owned = stack.move();
  return { a, b, c, endpoints: [a, b, c].map(placeOf), [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

Deno.test("Lists of all upstreams at once are each continued where they were begun, though all use the same cursors", async () => {
  await using servers = await pagers();
  await using program = await balanced(servers.endpoints);
  const walk = async (method: string, member: string): Promise<string[]> => {
    const names: string[] = [];
    let cursor: string | undefined;
    do {
      const { result, error } = await program.request(method, cursor === undefined ? {} : { cursor });
      ok(result !== undefined, JSON.stringify(error));
      names.push(...result[member].map(({ name }: { name: string }) => name));
      cursor = result.nextCursor;
    } while (cursor !== undefined);
    return names;
  };
  const walks = await Promise.all(
    LISTS.flatMap(([method, member]) => [0, 1, 2].map(() => walk(method, member))),
  );
  const whole = ["a", "b", "c"].map((name) => [1, 2, 3].map((at) => `${name}-${at}`));
  for (let i = 0; i < walks.length; i += 3) deepStrictEqual(walks.slice(i, i + 3).sort(), whole);
  for (const server of [servers.a, servers.b, servers.c]) {
    for (const [method] of LISTS) {
      deepStrictEqual(sentOf(server, method).map(({ params }) => params?.cursor), [undefined, "2", "3"]);
    }
  }
});

Deno.test("A cursor that nobody has made here, or whose list is another's, is invalid", async () => {
  await using servers = await pagers();
  await using program = await balanced(servers.endpoints);
  const { error } = await program.request("tools/list", { cursor: "2" });
  strictEqual(error!.code, -32602);
  match(error!.message, /cursor/);
  strictEqual([servers.a, servers.b, servers.c].flatMap((it) => sentOf(it, "tools/list")).length, 0);
});

Deno.test("A cursor whose upstream is gone is invalid, and another upstream's of the same name goes on", async () => {
  await using servers = await pagers();
  await using program = await balanced(servers.endpoints);
  const first: WireMessage["result"][] = [];
  for (let i = 0; i < 3; i++) first.push((await program.request("tools/list")).result);
  const cursorOf = (name: string) => first.find(({ tools }) => tools[0].name === `${name}-1`)!.nextCursor;
  await servers.a.close();
  const gone = await program.request("tools/list", { cursor: cursorOf("a") });
  strictEqual(gone.error?.code, -32602, JSON.stringify(gone));
  for (const name of ["b", "c"]) {
    const { result } = await program.request("tools/list", { cursor: cursorOf(name) });
    strictEqual(result.tools[0].name, `${name}-2`);
  }
});

Deno.test("A cursor is known however the client spells it", async () => {
  await using server = await startRawServer({
    on: {
      "tools/list": ({ message }, reply) =>
        reply.body(
          `{"jsonrpc":"2.0","id":${
            JSON.stringify(message.id)
          },"result":{"tools":[],"nextCursor":"YQ\\/\\u003d"}}`,
        ),
    },
  });
  await using program = await balanced([server.url, server.url.replace("127.0.0.1", "localhost")]);
  const { result: { nextCursor } } = await program.request("tools/list");
  strictEqual(nextCursor, "YQ/=");
  ok((await program.request("tools/list", { cursor: nextCursor })).result);
  match(server.requests.at(-1)!.body, /"cursor":"YQ\\\/\\u003d"/);
});

// States ----------------------------------------------------------------------------------------------------------

const STATE = '"s\\u0074ate\\/1"';

/** A modern server whose calls want something first, with the same state as all others, or with none. */
async function stateful(name: string, state = STATE): Promise<RawServer> {
  const asks: Override = ({ message }, reply) => {
    const { params } = message;
    return params.inputResponses === undefined
      ? reply.body(
        `{"jsonrpc":"2.0","id":${
          JSON.stringify(message.id)
        },"result":{"resultType":"input_required","inputRequests":{"q":` +
          `{"method":"roots/list"}}${state === "" ? "" : `,"requestState":${state}`}}}`,
      )
      : reply.result({ resultType: "complete", content: [], by: name, state: params.requestState });
  };
  return await startRawServer({
    sessions: false,
    on: {
      "server/discover": (_request, reply) =>
        reply.result({
          resultType: "complete",
          supportedVersions: ["2026-07-28"],
          capabilities: { tools: {} },
          serverInfo: { name, version: "1" },
        }),
      "tools/call": asks,
      "prompts/get": asks,
    },
  });
}

/** Begins a call at each, and gives the state of each by the order in which they were asked. */
async function begun(program: Program, count: number, method = "tools/call"): Promise<string[]> {
  const states: string[] = [];
  for (let i = 0; i < count; i++) {
    const { result, error } = await ask(program, `b-${i}`, method, { name: `t${i}`, arguments: {} }, {
      capabilities: ABLE,
    });
    strictEqual(result?.resultType, "input_required", JSON.stringify(error));
    states.push(result.requestState);
  }
  return states;
}

const goOn = (program: Program, i: number, requestState: string, method = "tools/call") =>
  ask(
    program,
    `g-${i}`,
    method,
    { name: `t${i}`, arguments: {}, inputResponses: { q: { roots: [] } }, requestState },
    { capabilities: ABLE },
  );

const stateIn = (body: string) => /"requestState":("(?:[^"\\]|\\.)*")/.exec(body)?.[1];
const begunAt = (servers: readonly RawServer[], i: number, method = "tools/call") =>
  servers.find((it) => it.calls(method).some(({ message }) => message.params.name === `t${i}`))!;

Deno.test("A state goes back byte for byte to the upstream that made it, though all have made the same", async () => {
  await using a = await stateful("a");
  await using b = await stateful("b");
  await using c = await stateful("c");
  const servers = [a, b, c];
  await using program = startBalanced(servers.map(({ url }) => url));
  const states = await begun(program, 6);
  strictEqual(new Set(states).size, 3);
  for (const i of [5, 0, 4, 1, 3, 2]) {
    const server = begunAt(servers, i);
    const { result } = await goOn(program, i, states[i]!);
    const { body } = server.calls("tools/call").at(-1)!;
    deepStrictEqual([result.by, stateIn(body)], [["a", "b", "c"][servers.indexOf(server)], STATE]);
  }
});

Deno.test("What a server asks that makes no state is brought back to it too, and it never sees one", async () => {
  await using a = await stateful("a", "");
  await using b = await stateful("b", "");
  await using legacy = await startRawServer();
  const servers = [a, b];
  await using program = startBalanced([a.url, b.url, legacy.url]);
  const states: string[] = [];
  for (let i = 0; i < 3; i++) {
    const { result } = await ask(program, `b-${i}`, "tools/call", { name: `t${i}`, arguments: {} }, {
      capabilities: ABLE,
    });
    if (result.resultType === "input_required") states[i] = result.requestState;
  }
  for (const i of Object.keys(states).map(Number).reverse()) {
    const server = begunAt(servers, i);
    const { result } = await goOn(program, i, states[i]!);
    strictEqual(result.by, ["a", "b"][servers.indexOf(server)]);
  }
  for (const server of servers) {
    strictEqual(server.calls("tools/call").length, 2);
    ok(!server.requests.some(({ body }) => body.includes("requestState")));
  }
});

Deno.test("The state of a modern server that is gone goes to another, as it was written", async () => {
  await using a = await stateful("a");
  await using b = await stateful("b");
  await using c = await stateful("c");
  const servers = [a, b, c];
  await using program = startBalanced(servers.map(({ url }) => url));
  const states = await begun(program, 3, "prompts/get");
  // One whose state the client knows under another name.
  const i = states.findIndex((state) => state !== JSON.parse(STATE));
  const dying = begunAt(servers, i, "prompts/get");
  await dying.close();
  const { result } = await goOn(program, i, states[i]!, "prompts/get");
  const other = servers.find((it) =>
    it !== dying && it.calls("prompts/get").some(({ body }) => stateIn(body) !== undefined)
  )!;
  strictEqual(stateIn(other.calls("prompts/get").at(-1)!.body), STATE);
  strictEqual(result.state, JSON.parse(STATE));
});

Deno.test("A call that waits at a legacy upstream goes on there, and is invalid when that is gone", async () => {
  await using a = await startSdkTcpServer();
  await using b = await startSdkHttpServer();
  await using c = startModernHttpServer();
  await using program = startBalanced([a.url, b.url, c.url]);
  const answers = (asked: WireMessage, i: number) => {
    strictEqual(asked.result?.resultType, "input_required", JSON.stringify(asked));
    return Object.fromEntries(
      Object.entries(asked.result.inputRequests).map(([name, it]) => [
        name,
        (it as { method: string }).method === "elicitation/create"
          ? { action: "accept", content: { name: `n${i}` } }
          : (it as { method: string }).method === "roots/list"
          ? { roots: [] }
          : { model: "m", role: "assistant", content: { type: "text", text: `n${i}` } },
      ]),
    );
  };
  const call = (id: string, params: Record<string, unknown>) =>
    ask(program, id, "tools/call", { name: "both", arguments: {}, ...params }, { capabilities: ABLE });
  const asked: WireMessage[] = [];
  for (let i = 0; i < 6; i++) asked.push(await call(`b-${i}`, {}));
  const goOn = (i: number) =>
    call(`g-${i}`, { requestState: asked[i]!.result.requestState, inputResponses: answers(asked[i]!, i) });
  const outcomes = await Promise.all([0, 1, 2].map(goOn));
  for (const [i, { result, error }] of outcomes.entries()) {
    ok(result?.resultType === "complete", JSON.stringify(error ?? result));
    match(result.content[0].text, new RegExp(`n${i}`));
  }
  await a.close();
  const left = await Promise.all([3, 4, 5].map(goOn));
  const wrong = left.filter(({ error }) => error !== undefined);
  strictEqual(wrong.length, 1, JSON.stringify(left));
  for (const [i, { result }] of left.entries()) {
    if (result) match(result.content[0].text, new RegExp(`n${i + 3}`));
  }
});

// Tasks -----------------------------------------------------------------------------------------------------------

/** What a server with tasks answers; all of them give their tasks the same ids. */
function taskAnswer(name: string, { method, params }: WireMessage): unknown {
  const task = (taskId: string, status = "working") => ({
    taskId,
    status,
    statusMessage: name,
    createdAt: "2025-11-25T10:30:00Z",
    lastUpdatedAt: "2025-11-25T10:30:00Z",
    ttl: 60000,
  });
  const related = (taskId: string) => ({ "io.modelcontextprotocol/related-task": { taskId } });
  switch (method) {
    case "tools/call":
      return { task: task("task-1") };
    case "tasks/get":
      return task(params.taskId);
    case "tasks/cancel":
      return task(params.taskId, "cancelled");
    case "tasks/result":
      return { content: [{ type: "text", text: name }], _meta: related(params.taskId) };
    case "tasks/list":
      return { tasks: [task("task-1")] };
    default:
      return undefined;
  }
}

Deno.test("What is asked of a task goes to the upstream that works on it, though all name theirs alike", async () => {
  const on = (name: string): Record<string, PeerOverride> =>
    Object.fromEntries(
      ["tools/call", "tasks/get", "tasks/cancel", "tasks/result", "tasks/list"].map((method) => [
        method,
        (message, peer) => peer.result(message, taskAnswer(name, message)),
      ]),
    );
  await using a = await startRawLineServer({ capabilities: CAPABILITIES, on: on("a") });
  await using b = await startRawLineServer({ capabilities: CAPABILITIES, on: on("b") });
  await using c = await startRawLineServer({ capabilities: CAPABILITIES, on: on("c") });
  const servers: ScriptedServer[] = [a, b, c];
  await using program = await balanced(servers.map(placeOf));
  const tasks = await Promise.all([0, 1, 2].map(async () => {
    const { result } = await program.request("tools/call", {
      name: "t",
      arguments: {},
      task: { ttl: 60000 },
    });
    return { id: result.task.taskId as string, by: result.task.statusMessage as string };
  }));
  deepStrictEqual(tasks.map(({ by }) => by).sort(), ["a", "b", "c"]);
  strictEqual(new Set(tasks.map(({ id }) => id)).size, 3);
  for (const { id, by } of [...tasks, ...tasks]) {
    const got = (await program.request("tasks/get", { taskId: id })).result;
    deepStrictEqual([got.statusMessage, got.taskId], [by, id]);
    const result = (await program.request("tasks/result", { taskId: id })).result;
    strictEqual(result.content[0].text, by);
    strictEqual(result._meta["io.modelcontextprotocol/related-task"].taskId, id);
    const cancelled = (await program.request("tasks/cancel", { taskId: id })).result;
    deepStrictEqual([cancelled.statusMessage, cancelled.taskId, cancelled.status], [by, id, "cancelled"]);
  }
  for (const server of servers) {
    for (const method of ["tasks/get", "tasks/result", "tasks/cancel"]) {
      deepStrictEqual(sentOf(server, method).map(({ params }) => params.taskId), ["task-1", "task-1"]);
    }
  }
  // What upstreams say of their tasks bears the name that the client knows.
  for (let i = 0; i < 3; i++) {
    const [listed] = (await program.request("tasks/list")).result.tasks;
    strictEqual(tasks.find(({ id }) => id === listed.taskId)!.by, listed.statusMessage);
  }
  for (const [i, server] of [a, b, c].entries()) {
    const name = ["a", "b", "c"][i]!;
    const { id } = tasks.find(({ by }) => by === name)!;
    const [peer] = server.peers;
    await peer!.notify(
      "notifications/tasks/status",
      taskAnswer(name, { method: "tasks/get", params: { taskId: "task-1" } }),
    );
    const told = await program.nextMethod("notifications/tasks/status");
    deepStrictEqual([told.params.taskId, told.params.statusMessage], [id, name]);
    const asking = peer!.request("elicitation/create", {
      message: name,
      _meta: { "io.modelcontextprotocol/related-task": { taskId: "task-1" } },
    });
    const question = await program.nextMethod("elicitation/create");
    strictEqual(question.params._meta["io.modelcontextprotocol/related-task"].taskId, id);
    const related = { "io.modelcontextprotocol/related-task": { taskId: id } };
    await program.send({ jsonrpc: "2.0", id: question.id, result: { action: "decline", _meta: related } });
    strictEqual((await asking).result._meta["io.modelcontextprotocol/related-task"].taskId, "task-1");
  }
});

Deno.test("A task whose upstream is gone is not looked for elsewhere", async () => {
  const on = (name: string): Record<string, PeerOverride> => ({
    "tools/call": (message, peer) => peer.result(message, taskAnswer(name, message)),
    "tasks/get": (message, peer) => peer.result(message, taskAnswer(name, message)),
  });
  await using a = await startRawLineServer({ capabilities: CAPABILITIES, on: on("a") });
  await using b = await startRawLineServer({ capabilities: CAPABILITIES, on: on("b") });
  await using program = await balanced([placeOf(a), placeOf(b)], {
    args: ["--policy", "sticky", "--retry-attempts", "0"],
  });
  const { result } = await program.request("tools/call", { name: "t", arguments: {}, task: {} });
  await a.close();
  const { error } = await program.request("tasks/get", { taskId: result.task.taskId });
  notStrictEqual(error, undefined);
  strictEqual(sentOf(b, "tasks/get").length, 0);
  ok((await callTool(program, "t")).result.task);
  await until(() => sentOf(b, "tools/call").length === 1);
});

Deno.test("What the client says of a task of its own reaches the server whose it is, and no other", async () => {
  const calls: Record<string, PeerOverride> = {
    "tools/call": (_message, peer) =>
      peer.send({ jsonrpc: "2.0", id: 1, method: "sampling/createMessage", params: { task: {} } }),
  };
  await using a = await startRawLineServer({ on: calls });
  await using b = await startRawLineServer({ on: calls });
  await using program = await balanced([placeOf(a), placeOf(b)], {
    initialize: { capabilities: { sampling: {}, tasks: { requests: { sampling: { createMessage: {} } } } } },
  });
  for (const name of ["x", "y"]) callTool(program, name).catch(() => {});
  const questions = [
    await program.nextMethod("sampling/createMessage"),
    await program.nextMethod("sampling/createMessage"),
  ];
  for (const [i, { id }] of questions.entries()) {
    await program.send({ jsonrpc: "2.0", id, result: { task: { taskId: `mine-${i}`, status: "working" } } });
    await program.notify("notifications/tasks/status", { taskId: `mine-${i}`, status: "completed" });
  }
  await until(() => [a, b].every((it) => sentOf(it, "notifications/tasks/status").length === 1));
  for (const server of [a, b]) {
    const answer = sentTo(server).find(({ result }) => result?.task !== undefined)!;
    deepStrictEqual(sentOf(server, "notifications/tasks/status").map(({ params }) => params.taskId), [
      answer.result.task.taskId,
    ]);
  }
});
