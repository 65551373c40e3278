/** Progress and cancellation in one pool: to where the request is, and from there. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createInbox } from "../support/inbox.ts";
import type { Program } from "../support/program.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";
import type { WireMessage } from "../support/wire_message.ts";
import { until } from "../support/until.ts";
import { balanced, placeOf, type ScriptedServer, sentOf, startBalanced } from "./balanced.ts";
import { modernRequest } from "./modern_requests.ts";

/** A call that has come to a server and waits there. */
interface Held {
  readonly at: string;
  readonly message: WireMessage;
  progress(progress: number, progressToken?: unknown): Promise<void>;
  answer(): Promise<void>;
}

/** Two servers over TCP and one over HTTP whose calls wait; what they answer says where. */
async function holders() {
  await using stack = new AsyncDisposableStack();
  const held = createInbox<Held>((items) => `${items.length} calls wait`);
  const hold = (
    at: string,
    message: WireMessage,
    say: (it: unknown) => Promise<void>,
    end = () => Promise.resolve(),
  ) =>
    held.push({
      at,
      message,
      progress: (progress, progressToken = message.params._meta.progressToken) =>
        say({
          jsonrpc: "2.0",
          method: "notifications/progress",
          params: { progressToken, progress, message: `${at} ${message.params.name}` },
        }),
      async answer() {
        await say({ jsonrpc: "2.0", id: message.id, result: { content: [], at, name: message.params.name } });
        await end();
      },
    });
  const line = async (at: string) =>
    stack.use(
      await startRawLineServer({ on: { "tools/call": (message, peer) => hold(at, message, peer.send) } }),
    );
  const a = await line("a");
  const b = stack.use(
    await startRawServer({
      on: {
        "tools/call": async ({ message }, reply) => {
          const stream = await reply.sse();
          hold("b", message, (it) => stream.send(it), stream.end);
        },
      },
    }),
  );
  const c = await line("c");
  const servers: Record<string, ScriptedServer> = { a, b, c };
  const owned = stack.move();
  return {
    servers,
    endpoints: Object.values(servers).map(placeOf),
    held,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

const progressOf = (program: Program) =>
  program.messages.filter(({ method }) => method === "notifications/progress").map(({ params }) => params);

for (const era of ["legacy", "modern"] as const) {
  Deno.test(`Progress reaches the ${era} client under the token of its own request, from whichever upstream has it`, async () => {
    await using it = await holders();
    await using program = era === "legacy" ? await balanced(it.endpoints) : startBalanced(it.endpoints);
    const send = (id: number) => {
      const params = { name: `call-${id}`, arguments: {} };
      const token = { progressToken: `t-${id}` };
      return program.send(
        era === "legacy"
          ? { jsonrpc: "2.0", id: `r-${id}`, method: "tools/call", params: { ...params, _meta: token } }
          : modernRequest(`r-${id}`, "tools/call", params, { more: token }),
      );
    };
    for (let id = 0; id < 6; id++) await send(id);
    const all = await it.held.findMany(6, () => true);
    deepStrictEqual(all.map(({ at }) => at).sort(), ["a", "a", "b", "b", "c", "c"]);
    // A modern client's requests have ids and tokens of ours there, the same at each.
    if (era === "modern") {
      const tokens = all.map(({ message }) => message.params._meta.progressToken);
      ok(new Set(tokens).size < 6, `${tokens}`);
    }
    for (const progress of [1, 2]) await Promise.all(all.map((call) => call.progress(progress)));
    await until(() => progressOf(program).length === 12);
    for (const { at, message: { params } } of all) {
      const mine = progressOf(program).filter((it) => it.message === `${at} ${params.name}`);
      deepStrictEqual(mine.map(({ progressToken, progress }) => [progressToken, progress]), [
        [params.name.replace("call", "t"), 1],
        [params.name.replace("call", "t"), 2],
      ]);
    }
    for (const call of all.reverse()) await call.answer();
    for (let id = 0; id < 6; id++) {
      strictEqual((await program.response(`r-${id}`)).result.name, `call-${id}`);
    }
  });

  Deno.test(`What the ${era} client cancels is cancelled where it is, and nowhere else`, async () => {
    await using it = await holders();
    await using program = era === "legacy" ? await balanced(it.endpoints) : startBalanced(it.endpoints);
    for (let id = 0; id < 6; id++) {
      const params = { name: `call-${id}`, arguments: {} };
      await program.send(
        era === "legacy"
          ? { jsonrpc: "2.0", id: `r-${id}`, method: "tools/call", params }
          : modernRequest(`r-${id}`, "tools/call", params),
      );
    }
    const all = await it.held.findMany(6, () => true);
    const given = (id: number) => all.find(({ message }) => message.params.name === `call-${id}`)!;
    for (const id of [4, 1, 2]) {
      await program.notify("notifications/cancelled", { requestId: `r-${id}`, reason: `no ${id}` });
      const { at, message } = given(id);
      await until(() =>
        sentOf(it.servers[at]!, "notifications/cancelled").some(({ params }) =>
          params.requestId === message.id
        )
      );
    }
    const cancelled = Object.entries(it.servers).flatMap(([at, server]) =>
      sentOf(server, "notifications/cancelled").map(({ params }) => `${at} ${params.requestId}`)
    );
    deepStrictEqual(
      cancelled.sort(),
      [4, 1, 2].map((id) => `${given(id).at} ${given(id).message.id}`).sort(),
    );
    for (const id of [0, 3, 5]) {
      await given(id).answer();
      strictEqual((await program.response(`r-${id}`)).result.name, `call-${id}`);
    }
    ok(!program.messages.some(({ id }) => [1, 2, 4].some((it) => id === `r-${it}`)));
  });
}

Deno.test("Progress that an upstream tells of another's request is not taken for that one's", async () => {
  await using it = await holders();
  await using program = await balanced(it.endpoints);
  for (let id = 0; id < 3; id++) {
    const params = { name: `call-${id}`, arguments: {}, _meta: { progressToken: id } };
    await program.send({ jsonrpc: "2.0", id: `r-${id}`, method: "tools/call", params });
  }
  const all = await it.held.findMany(3, () => true);
  const [a, b, c] = ["a", "b", "c"].map((at) => all.find((it) => it.at === at)!);
  await a!.progress(50, c!.message.params._meta.progressToken);
  await a!.progress(51, b!.message.params._meta.progressToken);
  await a!.progress(1);
  await c!.progress(1);
  await b!.progress(1);
  await until(() => progressOf(program).length >= 3);
  deepStrictEqual(progressOf(program).map(({ progress }) => progress), [1, 1, 1]);
  // Of what has been answered there may be more: it may go on as a task.
  await a!.answer();
  await a!.progress(9);
  await until(() => progressOf(program).length >= 4);
  strictEqual(progressOf(program).at(-1).progress, 9);
});
