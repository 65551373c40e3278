/** Requests that a slow upstream keeps waiting are asked of another too. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createInbox } from "../support/inbox.ts";
import type { Program } from "../support/program.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";
import type { WireMessage } from "../support/wire_message.ts";
import { until } from "../support/until.ts";
import { balanced, placeOf, type ScriptedServer, sentOf } from "./balanced.ts";

const TOOLS = [
  { name: "read", inputSchema: { type: "object" }, annotations: { readOnlyHint: true } },
  { name: "write", inputSchema: { type: "object" } },
];
const SLOW = ["tools/call", "prompts/get", "resources/read"];

interface Held {
  readonly message: WireMessage;
  say(message: unknown): Promise<void>;
  answer(): Promise<void>;
}

interface PairOptions {
  readonly args?: readonly string[];
  /** In milliseconds. */
  readonly hedgeAfter?: number;
}

/** A first server that answers nothing by itself, and a second that answers at once unless it is told to wait. */
async function pair(wire: "tcp" | "http", { args = [], hedgeAfter = 150 }: PairOptions = {}) {
  await using stack = new AsyncDisposableStack();
  let waits = false;
  const held = { a: createInbox<Held>(() => "held at a"), b: createInbox<Held>(() => "held at b") };
  const start = async (name: "a" | "b"): Promise<ScriptedServer> => {
    const result = { content: [], contents: [], messages: [], by: name };
    const common = { tools: TOOLS, capabilities: { tools: {}, prompts: {}, resources: {} } };
    if (wire === "tcp") {
      return stack.use(
        await startRawLineServer({
          ...common,
          on: Object.fromEntries(SLOW.map((method) => [method, (message, peer) => {
            if (name === "b" && !waits) return void peer.result(message, result);
            held[name].push({ message, say: peer.send, answer: () => peer.result(message, result) });
          }])),
        }),
      );
    }
    return stack.use(
      await startRawServer({
        ...common,
        on: Object.fromEntries(SLOW.map((method) => [method, async ({ message }, reply) => {
          if (name === "b" && !waits) return await reply.result(result);
          const stream = await reply.sse();
          held[name].push({
            message,
            say: (it) => stream.send(it),
            async answer() {
              await stream.result(result);
              await stream.end();
            },
          });
        }])),
      }),
    );
  };
  const [a, b] = [await start("a"), await start("b")];
  const program = stack.use(
    await balanced([a, b].map(placeOf), {
      args: ["--policy", "sticky", "--hedge-after", String(hedgeAfter), ...args],
      initialize: { capabilities: { elicitation: {} } },
    }),
  );
  ok((await program.request("tools/list")).result);
  const owned = stack.move();
  return {
    a,
    b,
    program,
    held,
    wait: () => waits = true,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const call = (id: string, name: string, more: Record<string, unknown> = {}) => ({
  jsonrpc: "2.0",
  id,
  method: "tools/call",
  params: { name, arguments: {}, ...more },
});

/** A safe request that is sent now has been hedged: so would have been whatever was sent before. */
async function hedged(program: Program): Promise<void> {
  strictEqual((await program.request("prompts/get", { name: "marker" })).result.by, "b");
}

const answersTo = (program: Program, id: string) =>
  program.messages.filter((it) => it.id === id && it.method === undefined);
const named = (server: ScriptedServer, name: string) =>
  ["tools/call", "prompts/get"].flatMap((method) => sentOf(server, method)).filter(({ params }) =>
    params.name === name
  );

for (const wire of ["tcp", "http"] as const) {
  Deno.test(`A slow safe request is answered by a second upstream, and the first is told to leave it (${wire})`, async () => {
    await using it = await pair(wire);
    const { program, a, b } = it;
    await program.send(call("r", "read"));
    strictEqual((await program.response("r")).result.by, "b");
    await until(() => sentOf(a, "notifications/cancelled").some(({ params }) => params.requestId === "r"));
    // What the first still says changes nothing.
    const first = it.held.a.items.find(({ message }) => message.id === "r")!;
    await first.answer().catch(() => {});
    await hedged(program);
    strictEqual(answersTo(program, "r").length, 1);
    deepStrictEqual([named(a, "read").length, named(b, "read").length], [1, 1]);
  });

  Deno.test(`What does harm twice is never asked of a second (${wire})`, async () => {
    await using it = await pair(wire);
    const { program, a, b } = it;
    await program.send(call("w", "write"));
    await program.send(call("u", "never-listed"));
    await it.held.a.findMany(2, () => true);
    await hedged(program);
    deepStrictEqual([named(b, "write").length, named(b, "never-listed").length], [0, 0]);
    for (const { answer } of it.held.a.items) await answer();
    for (const id of ["w", "u"]) strictEqual((await program.response(id)).result.by, "a");
    deepStrictEqual([named(a, "write").length, named(a, "never-listed").length], [1, 1]);
  });

  Deno.test(`What is being carried out, as progress or a question shows, is asked of nobody else (${wire})`, async () => {
    // On a busy machine too it talks in time.
    await using it = await pair(wire, { hedgeAfter: 1500 });
    const { program, b } = it;
    await program.send(call("p", "read", { _meta: { progressToken: "tp" } }));
    const first = await it.held.a.find(({ message }) => message.id === "p");
    await first.say({
      jsonrpc: "2.0",
      method: "notifications/progress",
      params: { progressToken: "tp", progress: 1 },
    });
    await program.nextMethod("notifications/progress");
    await program.send(call("q", "read"));
    const second = await it.held.a.find(({ message }) => message.id === "q");
    await second.say({ jsonrpc: "2.0", id: 1, method: "elicitation/create", params: {} });
    await program.nextMethod("elicitation/create");
    await hedged(program);
    strictEqual(named(b, "read").length, 0);
    await first.answer();
    await second.answer();
    for (const id of ["p", "q"]) strictEqual((await program.response(id)).result.by, "a");
  });

  Deno.test(`The first of two that says something goes on, and of the other nothing is heard (${wire})`, async () => {
    await using it = await pair(wire);
    const { program, a } = it;
    it.wait();
    await program.send(call("p", "read", { _meta: { progressToken: "tp" } }));
    const [atA] = await it.held.a.findMany(1, () => true);
    const [atB] = await it.held.b.findMany(1, () => true);
    const progress = (by: number) => ({
      jsonrpc: "2.0",
      method: "notifications/progress",
      params: { progressToken: "tp", progress: by },
    });
    await atB!.say(progress(1));
    await until(() => sentOf(a, "notifications/cancelled").some(({ params }) => params.requestId === "p"));
    await atA!.say(progress(100)).catch(() => {});
    await atA!.answer().catch(() => {});
    await atB!.say(progress(2));
    await atB!.answer();
    strictEqual((await program.response("p")).result.by, "b");
    const heard = program.messages.filter(({ method }) => method === "notifications/progress");
    deepStrictEqual(heard.map(({ params }) => params.progress), [1, 2]);
    strictEqual(answersTo(program, "p").length, 1);
  });

  Deno.test(`What the client cancels is cancelled at both (${wire})`, async () => {
    await using it = await pair(wire);
    const { program, a, b } = it;
    it.wait();
    await program.send(call("r", "read"));
    await it.held.b.findMany(1, () => true);
    await program.notify("notifications/cancelled", { requestId: "r" });
    for (const server of [a, b]) {
      await until(() =>
        sentOf(server, "notifications/cancelled").some(({ params }) => params.requestId === "r")
      );
    }
    strictEqual(answersTo(program, "r").length, 0);
  });
}

Deno.test("A hedge does not move a client that stays at one upstream", async () => {
  await using it = await pair("tcp", { args: ["--affinity", "session"] });
  const { program, a, b } = it;
  for (let i = 0; i < 3; i++) await hedged(program);
  deepStrictEqual([named(a, "marker").length, named(b, "marker").length], [3, 3]);
});
