/** Servers of one pool that ask the client at once, all with the same ids and progress tokens. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { EventStream } from "../support/event_stream.ts";
import type { Program } from "../support/program.ts";
import type { RawPeer } from "../support/raw_peer.ts";
import { type RawLineServer, startRawLineServer } from "../support/raw_line_server.ts";
import { type RawServer, startRawServer } from "../support/raw_server.ts";
import type { WireMessage } from "../support/wire_message.ts";
import { until } from "../support/until.ts";
import {
  balanced,
  type BalancedOptions,
  callTool,
  placeOf,
  type ScriptedServer,
  sentTo,
} from "./balanced.ts";

const CLIENT = {
  initialize: { capabilities: { elicitation: {}, sampling: {}, roots: { listChanged: true } } },
};
const METHODS = ["elicitation/create", "sampling/createMessage", "roots/list"];
/** The ids that each of them uses. */
const IDS = [1, "1", 0];

/** Where one server's call waits, and how it says something on its behalf. */
interface Caller {
  readonly name: string;
  readonly server: ScriptedServer;
  say(message: unknown): Promise<void>;
  answer(result: unknown): Promise<void>;
  /** Breaks off. */
  die(): Promise<void>;
}

/** Two servers over TCP and two over HTTP, each of which has been called and waits. */
async function callers(options: BalancedOptions = CLIENT) {
  await using stack = new AsyncDisposableStack();
  const calls = new Map<string, PromiseWithResolvers<{ say: Caller["say"]; answer: Caller["answer"] }>>();
  const waiting = (name: string) => {
    const it = Promise.withResolvers<{ say: Caller["say"]; answer: Caller["answer"] }>();
    calls.set(name, it);
    return it;
  };
  const line = async (name: string): Promise<RawLineServer> => {
    const it = waiting(name);
    return stack.use(
      await startRawLineServer({
        on: {
          "tools/call": (message: WireMessage, peer: RawPeer) =>
            it.resolve({ say: peer.send, answer: (result) => peer.result(message, result) }),
        },
      }),
    );
  };
  const http = async (name: string): Promise<RawServer> => {
    const it = waiting(name);
    return stack.use(
      await startRawServer({
        on: {
          "tools/call": async (_request, reply) => {
            const stream: EventStream = await reply.sse();
            it.resolve({
              say: (message) => stream.send(message),
              async answer(result) {
                await stream.result(result);
                await stream.end();
              },
            });
          },
        },
      }),
    );
  };
  const servers = { a: await line("a"), b: await http("b"), c: await line("c"), d: await http("d") };
  const program = stack.use(await balanced(Object.values(servers).map(placeOf), options));
  const answers = [0, 1, 2, 3].map(() => callTool(program, "asks"));
  for (const it of answers) it.catch(() => {});
  const all = await Promise.all(
    Object.entries(servers).map(async ([name, server]): Promise<Caller> => ({
      name,
      server,
      ...await calls.get(name)!.promise,
      die: () => server.close(),
    })),
  );
  const owned = stack.move();
  return { program, answers, all, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** What the client was asked, by who asked it and what. */
async function asked(program: Program, count: number): Promise<WireMessage[]> {
  const isQuestion = (it: WireMessage) => it.method !== undefined && it.id !== undefined;
  await until(() => program.messages.filter(isQuestion).length >= count);
  return program.messages.filter(isQuestion);
}

const isAnswer = (it: WireMessage) => it.method === undefined && it.id !== undefined;

function cancelled(program: Program): unknown[] {
  return program.messages.filter((it) => it.method === "notifications/cancelled").map(({ params }) =>
    params.requestId
  );
}

/** A question whose parameters say whose it is. */
const question = (name: string, id: unknown, method: string) => ({
  jsonrpc: "2.0",
  id,
  method,
  params: { message: `${name} ${method}`, _meta: { progressToken: id } },
});
const whose = (it: WireMessage): string => it.params.message.split(" ")[0];

Deno.test("Questions of all servers at once under the same ids are answered to who asked, and so is progress", async () => {
  await using it = await callers();
  const { program, all } = it;
  await Promise.all(
    all.flatMap(({ name, say }) => METHODS.map((method, i) => say(question(name, IDS[i], method)))),
  );
  const questions = await asked(program, 12);
  strictEqual(new Set(questions.map(({ id }) => JSON.stringify(id))).size, 12);
  strictEqual(new Set(questions.map(({ params }) => JSON.stringify(params._meta.progressToken))).size, 12);
  for (const message of questions) {
    const { progressToken } = message.params._meta;
    await program.notify("notifications/progress", { progressToken, progress: 1, message: whose(message) });
  }
  // The last asked is answered first.
  for (const message of [...questions].reverse()) {
    const answer = { to: message.params.message, method: message.method };
    if (message.method === "roots/list") {
      await program.send({
        jsonrpc: "2.0",
        id: message.id,
        error: { code: -1, message: message.params.message },
      });
    } else await program.send({ jsonrpc: "2.0", id: message.id, result: answer });
  }
  for (const { name, server, answer } of all) {
    await until(() => sentTo(server).filter(isAnswer).length === 3);
    const got = sentTo(server).filter(isAnswer).map((
      { id, result, error },
    ) => [id, result?.to ?? error?.message]);
    deepStrictEqual(
      new Map(got as [unknown, unknown][]),
      new Map(METHODS.map((m, i) => [IDS[i], `${name} ${m}`])),
    );
    await until(() =>
      sentTo(server).filter(({ method }) => method === "notifications/progress").length === 3
    );
    const progress = sentTo(server).filter(({ method }) => method === "notifications/progress");
    deepStrictEqual(new Set(progress.map(({ params }) => params.progressToken)), new Set(IDS));
    deepStrictEqual(new Set(progress.map(({ params }) => params.message)), new Set([name]));
    await answer({ content: [], by: name });
  }
  const by = (await Promise.all(it.answers)).map(({ result }) => result.by);
  deepStrictEqual(by.sort(), ["a", "b", "c", "d"]);
  deepStrictEqual(cancelled(program), []);
});

Deno.test("One server takes its question back, and the others' under the same id stay", async () => {
  await using it = await callers();
  const { program, all } = it;
  for (const { name, say } of all) await say(question(name, 7, METHODS[0]!));
  const questions = await asked(program, 4);
  for (const taker of [all[2]!, all[1]!]) {
    const before = cancelled(program).length;
    await taker.say({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 7 } });
    await until(() => cancelled(program).length > before);
    const mine = questions.find((it) => whose(it) === taker.name)!;
    deepStrictEqual(cancelled(program).at(-1), mine.id);
    // An answer that crosses it reaches nobody.
    await program.send({ jsonrpc: "2.0", id: mine.id, result: { late: true } });
  }
  for (const caller of [all[0]!, all[3]!]) {
    const mine = questions.find((it) => whose(it) === caller.name)!;
    await program.send({ jsonrpc: "2.0", id: mine.id, result: { to: caller.name } });
    await until(() => sentTo(caller.server).some(isAnswer));
    deepStrictEqual(sentTo(caller.server).filter(isAnswer), [{
      jsonrpc: "2.0",
      id: 7,
      result: { to: caller.name },
    }]);
  }
  for (const caller of [all[1]!, all[2]!]) deepStrictEqual(sentTo(caller.server).filter(isAnswer), []);
  strictEqual(cancelled(program).length, 2);
});

Deno.test("What a server has asked that dies is cancelled with the client, and what the others ask is not", async () => {
  await using it = await callers({ ...CLIENT, args: ["--retry-attempts", "0"] });
  const { program, all } = it;
  for (const { name, say } of all) await say(question(name, 7, METHODS[0]!));
  const questions = await asked(program, 4);
  for (const dying of [all[0]!, all[1]!]) {
    const before = cancelled(program).length;
    await dying.die();
    await until(() => cancelled(program).length > before);
    const mine = questions.find((it) => whose(it) === dying.name)!;
    deepStrictEqual(cancelled(program).at(-1), mine.id);
    await program.send({ jsonrpc: "2.0", id: mine.id, result: { late: true } });
  }
  for (const caller of [all[2]!, all[3]!]) {
    const mine = questions.find((it) => whose(it) === caller.name)!;
    await program.send({ jsonrpc: "2.0", id: mine.id, result: { to: caller.name } });
    await until(() => sentTo(caller.server).some(isAnswer));
    deepStrictEqual(sentTo(caller.server).filter(isAnswer).map(({ result }) => result), [{
      to: caller.name,
    }]);
    await caller.answer({ content: [], by: caller.name });
  }
  const outcomes = await Promise.all(it.answers);
  deepStrictEqual(outcomes.flatMap(({ result }) => result?.by ?? []).sort(), ["c", "d"]);
  const failed = outcomes.filter(({ error }) => error !== undefined);
  strictEqual(failed.length, 2);
  for (const { error } of failed) match(error!.message, /the outcome of this tools\/call is unknown/);
  strictEqual(cancelled(program).length, 2);
});

Deno.test("An answer to what was asked before a server came back is none to what it asks now under the same id", async () => {
  const asks = (message: WireMessage, peer: RawPeer) =>
    peer.send({ ...question(message.params.name, 1, METHODS[0]!) });
  await using a = await startRawLineServer({ on: { "tools/call": asks } });
  await using b = await startRawLineServer({ on: { "tools/call": asks } });
  await using program = await balanced([placeOf(a), placeOf(b)], CLIENT);
  for (const name of ["first", "second"]) callTool(program, name).catch(() => {});
  const before = await asked(program, 2);
  const dying = sentTo(a).some(({ params }) => params?.name === "second") ? a : b;
  for (const peer of dying.peers) peer.reset();
  await until(() => cancelled(program).length === 1);
  callTool(program, "third").catch(() => {});
  callTool(program, "fourth").catch(() => {});
  const after = (await asked(program, 4)).slice(2);
  await program.send({ jsonrpc: "2.0", id: cancelled(program)[0], result: { late: true } });
  for (const it of after) await program.send({ jsonrpc: "2.0", id: it.id, result: { to: whose(it) } });
  await until(() => [a, b].flatMap(sentTo).filter(isAnswer).length === 2);
  const got = [a, b].flatMap(sentTo).filter(isAnswer).map(({ id, result }) => [id, result.to]);
  deepStrictEqual(got.sort(), [[1, "fourth"], [1, "third"]]);
  ok(before.length === 2);
});

Deno.test("A server that imitates another's mark gets its own answer all the same", async () => {
  await using it = await callers();
  const { program, all } = it;
  for (const { name, say } of all.slice(0, 2)) await say(question(name, 5, METHODS[0]!));
  const marked = (await asked(program, 2)).map(({ id }) => id).find((id) => typeof id === "string");
  match(String(marked), /from/);
  for (const { name, say } of all) await say(question(name, marked, METHODS[1]!));
  const forged = (await asked(program, 6)).filter(({ method }) => method === METHODS[1]);
  strictEqual(new Set(forged.map(({ id }) => id)).size, 4);
  for (const message of forged) {
    await program.send({ jsonrpc: "2.0", id: message.id, result: { to: whose(message) } });
  }
  for (const { name, server } of all) {
    await until(() => sentTo(server).some(isAnswer));
    deepStrictEqual(sentTo(server).filter(isAnswer), [{ jsonrpc: "2.0", id: marked, result: { to: name } }]);
  }
});

Deno.test("Every server is asked for the roots again when they have changed, and gets the client's answer", async () => {
  await using it = await callers();
  const { program, all } = it;
  program.respond("roots/list", (params) => ({ roots: [], to: (params as { message: string }).message }));
  await program.notify("notifications/roots/list_changed");
  for (const { name, server, say } of all) {
    await until(() => sentTo(server).some(({ method }) => method === "notifications/roots/list_changed"));
    await say(question(name, "r", "roots/list"));
  }
  for (const { name, server } of all) {
    await until(() => sentTo(server).some(isAnswer));
    deepStrictEqual(sentTo(server).filter(isAnswer).map(({ result }) => result.to), [`${name} roots/list`]);
    strictEqual(
      sentTo(server).filter(({ method }) => method === "notifications/roots/list_changed").length,
      1,
    );
  }
});
