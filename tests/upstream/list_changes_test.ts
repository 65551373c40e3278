import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { changesTeller, tellChanges } from "../../src/upstream/list_changes.ts";
import { createListings } from "../../src/upstream/listings.ts";
import { errorAnswer, request, resultAnswer } from "../../src/jsonrpc/answers.ts";
import type { Message } from "../../src/jsonrpc/message.ts";
import { SERVER_LISTS } from "../../src/mcp/lists.ts";
import { fakePeer } from "../support/fake_peer.ts";
import { turn, until } from "../support/until.ts";

/** A client that has read these lists, and a server that is asked for them again. */
function setUp(read: Readonly<Record<string, unknown[]>>) {
  const listings = createListings();
  for (const [method, elements] of Object.entries(read)) {
    const answer = resultAnswer("1", { [SERVER_LISTS[method]!.member]: elements });
    listings.note(request("1", method), answer);
  }
  const server = fakePeer();
  const told: Message[] = [];
  let lastId = 0;
  const options = {
    peer: server,
    listings,
    newId: () => `"our-${++lastId}"`,
    receive: () => {},
    tell: (message: Message) => void told.push(message),
  };
  /** Answers the next request of ours. */
  async function answer(elements: unknown[] | Message, nextCursor?: string): Promise<Message> {
    await until(() => server.requests.some(({ exchange }) => !exchange.settled));
    const it = server.requests.find(({ exchange }) => !exchange.settled)!;
    const { member } = SERVER_LISTS[it.message.method!]!;
    if (!Array.isArray(elements)) it.exchange.settle({ kind: "answered", message: elements });
    else it.answer({ [member]: elements, ...(nextCursor === undefined ? {} : { nextCursor }) });
    return it.message;
  }
  return { listings, server, told, options, answer, methods: () => told.map(({ method }) => method) };
}

Deno.test("the client is told of the lists that have changed, and of no others", async () => {
  const it = setUp({ "tools/list": [{ name: "a" }], "prompts/list": [{ name: "p" }] });
  const done = tellChanges(it.options);
  await it.answer([{ name: "b" }]);
  await it.answer([{ name: "p" }]);
  await done;
  deepStrictEqual(it.told.map(({ text }) => text), [
    '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}',
  ]);
  deepStrictEqual(it.server.requests.map(({ message }) => message.text), [
    '{"jsonrpc":"2.0","id":"our-1","method":"tools/list"}',
    '{"jsonrpc":"2.0","id":"our-2","method":"prompts/list"}',
  ]);
  // What a cache has is what the server before it said.
  ok(it.server.requests.every(({ options }) => options?.fresh === true));
});

Deno.test("resources and their templates are announced together", async () => {
  const it = setUp({ "resources/list": [1], "resources/templates/list": [1] });
  const done = tellChanges(it.options);
  await it.answer([2]);
  await it.answer([2]);
  await done;
  deepStrictEqual(it.methods(), ["notifications/resources/list_changed"]);
});

Deno.test("all pages are read, and compared as one", async () => {
  const it = setUp({ "tools/list": [{ name: "a" }, { name: "b" }] });
  const done = tellChanges(it.options);
  await it.answer([{ name: "a" }], "more");
  const second = await it.answer([{ name: "b" }]);
  await done;
  deepStrictEqual(second.parsed("params"), { cursor: "more" });
  deepStrictEqual(it.methods(), []);
});

Deno.test("a list that the client has not read to its end is taken to have changed", async () => {
  const it = setUp({});
  it.listings.note(request("1", "tools/list"), resultAnswer("1", { tools: [], nextCursor: "more" }));
  const done = tellChanges(it.options);
  await it.answer([]);
  await done;
  deepStrictEqual(it.methods(), ["notifications/tools/list_changed"]);
});

Deno.test("a list that can't be had says nothing, and is known as before", async () => {
  const it = setUp({ "tools/list": [{ name: "a" }], "prompts/list": [] });
  const done = tellChanges(it.options);
  await it.answer(errorAnswer('"our-1"', -32603, "no"));
  await it.answer([{ name: "new" }]);
  await done;
  deepStrictEqual(it.methods(), ["notifications/prompts/list_changed"]);
  ok(it.listings.pages("tools/list") !== undefined);
});

Deno.test("a server whose list has no end is not read for ever", async () => {
  const it = setUp({ "tools/list": [1] });
  const peer = {
    ...it.server,
    request(message: Message) {
      const exchange = it.server.request(message, undefined);
      it.server.requests.at(-1)!.answer({ tools: [], nextCursor: "more" });
      return exchange;
    },
  };
  await tellChanges({ ...it.options, peer });
  ok(it.server.requests.length < 300);
});

Deno.test("what the client knows of the next time is what was read this time", async () => {
  const it = setUp({ "tools/list": [{ name: "a", annotations: { readOnlyHint: true } }] });
  const done = tellChanges(it.options);
  await it.answer([{ name: "a" }]);
  await done;
  const hints = it.listings.hintsFor(request("1", "tools/call", { name: "a" }));
  deepStrictEqual(hints, { readOnly: false, idempotent: false });
  const again = tellChanges(it.options);
  await it.answer([{ name: "a" }]);
  await again;
  strictEqual(it.told.length, 1);
});

Deno.test("the lists are read once at a time, and again when the server has changed meanwhile", async () => {
  const it = setUp({ "tools/list": [1] });
  const tell = changesTeller(it.options);
  tell();
  tell();
  tell();
  await it.answer([2]);
  await it.answer([3]);
  await turn();
  await turn();
  strictEqual(it.server.requests.length, 2);
  deepStrictEqual(it.methods(), Array(2).fill("notifications/tools/list_changed"));
  tell();
  await it.answer([3]);
  await turn();
  strictEqual(it.server.requests.length, 3);
});

Deno.test("a server that loses its session over being read is not read for ever", async () => {
  const it = setUp({ "tools/list": [1], "prompts/list": [1] });
  const tell = changesTeller({
    ...it.options,
    peer: {
      ...it.server,
      request(message: Message) {
        const exchange = it.server.request(message, undefined);
        tell();
        it.server.requests.at(-1)!.exchange.settle({
          kind: "answered",
          message: errorAnswer(message.id!, -1, "no"),
        });
        return exchange;
      },
    },
  });
  tell();
  for (let i = 0; i < 20; i++) await turn();
  strictEqual(it.server.requests.length, 6);
});

Deno.test("a client that has read no list is told of none, and the server not asked", async () => {
  const it = setUp({});
  changesTeller(it.options)();
  await turn();
  deepStrictEqual([it.server.requests.length, it.told.length], [0, 0]);
});
