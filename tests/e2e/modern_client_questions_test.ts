/** What legacy servers ask while they work on a modern client's request, byte by byte. */
import assert from "node:assert/strict";
import type { EventStream } from "../support/event_stream.ts";
import type { Program } from "../support/program.ts";
import { type RawLineServer, startRawLineServer } from "../support/raw_line_server.ts";
import { type RawServer, type RawServerOptions, startRawServer } from "../support/raw_server.ts";
import { startSdkHttpServer, startSdkSseServer, startSdkTcpServer } from "../support/sdk_servers.ts";
import type { WireMessage } from "../support/wire_message.ts";
import { ABLE, ask, envelope, modernRequest } from "./modern_requests.ts";
import { proxied, startProxy } from "./proxied.ts";

const FORM = { message: "?", requestedSchema: { type: "object", properties: {} } };
const call = (name: string, args: Record<string, unknown> = {}) => ({ name, arguments: args });

/** A tool that asks for a form on the stream of its call, as often as `rounds` says, and gives back what it got. */
function asksOnStream(rounds = 1): NonNullable<RawServerOptions["on"]> {
  return {
    "tools/call": async ({ message }, reply) => {
      if (message.params.name !== "asks") return "default";
      const stream = await reply.sse();
      const got: unknown[] = [];
      for (let i = 0; i < rounds; i++) {
        const { result, error } = await stream.request("elicitation/create", { ...FORM, message: `${i}` });
        got.push(result ?? error);
      }
      await stream.result({ content: [], structuredContent: { got } });
      return await stream.end();
    },
  };
}

/** What the client answers to all it is asked, and the state it brings back. */
function answers(asked: WireMessage, response: unknown = { action: "accept", content: {} }) {
  assert.equal(asked.result?.resultType, "input_required", JSON.stringify(asked));
  const names = Object.keys(asked.result.inputRequests);
  return {
    inputResponses: Object.fromEntries(names.map((name) => [name, response])),
    requestState: asked.result.requestState,
  };
}

const askAble = (
  program: Program,
  id: string | number,
  params: Record<string, unknown>,
  method = "tools/call",
) => ask(program, id, method, params, { capabilities: ABLE });

/** The answers that a server has got to what it asked. */
function repliesTo(server: RawServer): string[] {
  return server.requests.filter(({ message }) => message.id !== undefined && message.method === undefined)
    .map(({ body }) => body);
}

// One call, one question ------------------------------------------------------------------------------------------

Deno.test("A question comes as input_required, and its answer reaches the server byte for byte", async () => {
  const params =
    '{"message":"ü \\u2028","requestedSchema":{"z":9007199254740993,"type":"object","properties":{}},"x":1E400}';
  await using server = await startRawServer({
    on: {
      "tools/call": async ({ message }, reply) => {
        const stream = await reply.sse();
        await stream.send(
          `{"jsonrpc":"2.0","id":"q\\u0041","method":"elicitation/create","params":${params}}`,
        );
        const { result } = await stream.request("ping");
        assert.deepEqual(result, {});
        await server.answer("qA");
        await stream.send(
          `{"jsonrpc":"2.0","id":${JSON.stringify(message.id)},"result":{"content":[],"n":1E400}}`,
        );
        await stream.end();
      },
    },
  });
  await using program = startProxy(server.url);
  const asked = await askAble(program, "first", call("asks"));
  const { inputRequests, requestState, resultType, _meta, ...rest } = asked.result;
  assert.deepEqual(rest, {});
  assert.equal(resultType, "input_required");
  assert.deepEqual(Object.keys(inputRequests), ["input-1"]);
  assert.equal(typeof requestState, "string");
  assert.deepEqual(_meta, { "io.modelcontextprotocol/serverInfo": { name: "raw-server", version: "1.0.0" } });
  assert.ok(program.lines.at(-1)!.includes(`"input-1":{"method":"elicitation/create","params":${params}}`));
  const answer = '{ "content":{"n":9007199254740993,"e":1E400,"\\u00fc":[ 1.50 ]},"action":"accept" }';
  const able = JSON.stringify(envelope({ capabilities: ABLE }));
  await program.send(
    `{"jsonrpc":"2.0","id":"second","method":"tools/call","params":{"inputResponses":{"input-1":${answer}},` +
      `"requestState":${JSON.stringify(requestState)},"arguments":{},"name":"asks","_meta":${able}}}`,
  );
  await program.response("second");
  assert.ok(program.lines.at(-1)!.includes('"content":[],"n":1E400,'), program.lines.at(-1));
  assert.deepEqual(repliesTo(server).filter((body) => body.includes("content")), [
    `{"jsonrpc":"2.0","id":"q\\u0041","result":${answer}}`,
  ]);
  assert.equal(server.calls("tools/call").length, 1);
  assert.deepEqual(server.violations, []);
});

Deno.test("Several rounds are asked one after the other, each with a state of its own", async () => {
  await using server = await startRawServer({ on: asksOnStream(3) });
  await using program = startProxy(server.url);
  let asked = await askAble(program, 1, call("asks"));
  const states = new Set<string>();
  for (let round = 0; round < 3; round++) {
    states.add(asked.result.requestState);
    const given = { action: "accept", content: { round } };
    asked = await askAble(program, 2 + round, { ...call("asks"), ...answers(asked, given) });
  }
  assert.equal(states.size, 3);
  assert.deepEqual(
    asked.result.structuredContent.got.map(({ content }: WireMessage["result"]) => content.round),
    [
      0,
      1,
      2,
    ],
  );
  assert.equal(asked.result.resultType, "complete");
});

Deno.test("Questions that come close together are one round", async () => {
  await using server = await startRawServer({
    on: {
      "tools/call": async (_request, reply) => {
        const stream = await reply.sse();
        const got = await Promise.all([
          stream.request("elicitation/create", FORM),
          stream.request("sampling/createMessage", { messages: [], maxTokens: 1 }),
          stream.request("roots/list"),
        ]);
        await stream.result({ content: [], structuredContent: got.map(({ result }) => result) });
        await stream.end();
      },
    },
  });
  await using program = startProxy(server.url);
  const asked = await askAble(program, 1, call("t"));
  assert.deepEqual(
    Object.values(asked.result.inputRequests).map((it) => (it as { method: string }).method),
    ["elicitation/create", "sampling/createMessage", "roots/list"],
  );
  const [form, model, roots] = Object.keys(asked.result.inputRequests);
  const { result } = await askAble(program, 2, {
    ...call("t"),
    requestState: asked.result.requestState,
    inputResponses: { [roots!]: { roots: [] }, [model!]: { model: "m" }, [form!]: { action: "decline" } },
  });
  assert.deepEqual(result.structuredContent, [{ action: "decline" }, { model: "m" }, { roots: [] }]);
});

Deno.test("What is not answered is asked again, and nothing else", async () => {
  await using server = await startRawServer({
    on: {
      "tools/call": async (_request, reply) => {
        const stream = await reply.sse();
        const got = await Promise.all([
          stream.request("elicitation/create", { ...FORM, message: "one" }),
          stream.request("elicitation/create", { ...FORM, message: "two" }),
        ]);
        await stream.result({ content: [], structuredContent: got.map(({ result }) => result.content) });
        await stream.end();
      },
    },
  });
  await using program = startProxy(server.url);
  const asked = await askAble(program, 1, call("t"));
  const [one, two] = Object.keys(asked.result.inputRequests);
  const { result: again } = await askAble(program, 2, {
    ...call("t"),
    requestState: asked.result.requestState,
    inputResponses: { [one!]: { action: "accept", content: { n: 1 } }, "unasked": { action: "cancel" } },
  });
  assert.equal(again.resultType, "input_required");
  assert.deepEqual(Object.keys(again.inputRequests), [two]);
  const { result: still } = await askAble(program, 3, { ...call("t"), requestState: again.requestState });
  assert.deepEqual(Object.keys(still.inputRequests), [two]);
  const { result } = await askAble(program, 4, {
    ...call("t"),
    requestState: still.requestState,
    inputResponses: { [two!]: { action: "accept", content: { n: 2 } } },
  });
  assert.deepEqual(result.structuredContent, [{ n: 1 }, { n: 2 }]);
});

// States --------------------------------------------------------------------------------------------------------------

Deno.test("A forged, changed, stale or foreign requestState is refused, and the right one still counts", async () => {
  await using server = await startRawServer({ on: asksOnStream(2) });
  await using program = startProxy(server.url);
  await using other = startProxy(server.url);
  let id = 0;
  const first = answers(await askAble(program, ++id, call("asks", { n: 1 })));
  const foreign = answers(await askAble(other, 1, call("asks", { n: 1 })));
  const second = answers(await askAble(program, ++id, call("asks", { n: 2 })));
  const [body, mark] = String(first.requestState).split(".");
  const refused = async (what: string, params: Record<string, unknown>, method = "tools/call") => {
    const { error } = await askAble(program, ++id, params, method);
    assert.equal(error?.code, -32602, `${what}: ${JSON.stringify(error)}`);
  };
  const flipped = (text: string) => (text.startsWith("A") ? "B" : "A") + text.slice(1);
  for (
    const [what, requestState] of Object.entries({
      "empty": "",
      "no text": 7,
      "null": null,
      "an object": {},
      "made up": "e30.AAAA",
      "without a mark": body,
      "with an empty mark": `${body}.`,
      "with more": `${first.requestState}.A`,
      "changed": `${flipped(body!)}.${mark}`,
      "marked otherwise": `${body}.${flipped(mark!)}`,
      "of another process": foreign.requestState,
    })
  ) {
    await refused(what, { ...call("asks", { n: 1 }), ...first, requestState });
  }
  await refused("of another call", { ...call("asks", { n: 1 }), ...second });
  await refused("with other arguments", { ...call("asks", { n: 1, m: 0 }), ...first });
  await refused("of another tool", { ...call("echo", { n: 1 }), ...first });
  await refused("of another method", { name: "asks", arguments: { n: 1 }, ...first }, "prompts/get");
  await refused("answers that are no object", { ...call("asks", { n: 1 }), ...first, inputResponses: [] });
  await refused("an answer that is no object", {
    ...call("asks", { n: 1 }),
    ...first,
    inputResponses: { "input-1": "yes" },
  });
  assert.deepEqual(repliesTo(server), []);
  assert.equal(server.calls("tools/call").length, 3);

  const next = await askAble(program, ++id, { ...call("asks", { n: 1 }), ...first });
  await refused("used already", { ...call("asks", { n: 1 }), ...first });
  const { result } = await askAble(program, ++id, { ...call("asks", { n: 1 }), ...answers(next) });
  assert.equal(result.resultType, "complete");
  await refused("of a call that is over", { ...call("asks", { n: 1 }), ...answers(next) });
  // What was refused has cost the others nothing.
  for (const [it, n, given] of [[program, 2, second], [other, 1, foreign]] as const) {
    const asked = await askAble(it, ++id, { ...call("asks", { n }), ...given });
    const { result } = await askAble(it, ++id, { ...call("asks", { n }), ...answers(asked) });
    assert.equal(result.resultType, "complete");
  }
});

Deno.test("Two retries at once go on with a call once", async () => {
  await using server = await startRawServer({ on: asksOnStream(1) });
  await using program = startProxy(server.url);
  const given = answers(await askAble(program, 1, call("asks")));
  const both = await Promise.all([2, 3].map((id) => askAble(program, id, { ...call("asks"), ...given })));
  assert.equal(both.filter(({ result }) => result?.resultType === "complete").length, 1);
  assert.equal(both.filter(({ error }) => error?.code === -32602).length, 1);
  assert.equal(repliesTo(server).length, 1);
});

// What happens meanwhile ----------------------------------------------------------------------------------------------

/** A server whose calls' streams a test holds. */
async function startHeld(): Promise<
  { server: RawServer; stream(): Promise<EventStream & { message: WireMessage }> }
> {
  const waiting: ((it: EventStream & { message: WireMessage }) => void)[] = [];
  const open: (EventStream & { message: WireMessage })[] = [];
  const server = await startRawServer({
    get: "open",
    on: {
      "tools/call": async ({ message }, reply) => {
        const stream = Object.assign(await reply.sse(), { message });
        const take = waiting.shift();
        if (take !== undefined) take(stream);
        else open.push(stream);
        await reply.hang();
      },
    },
  });
  return {
    server,
    stream: () => {
      const ready = open.shift();
      return ready === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(ready);
    },
  };
}

Deno.test("An answer that comes while the client is asked waits for its retry", async () => {
  const { server, stream } = await startHeld();
  await using _ = server;
  await using program = startProxy(server.url);
  const asked = askAble(program, 1, call("t"));
  const held = await stream();
  await held.send({ jsonrpc: "2.0", id: "unanswered", method: "elicitation/create", params: FORM });
  const given = answers(await asked);
  await held.result({ content: [], structuredContent: { n: 1 } });
  // What comes behind it is read behind it.
  await held.request("ping");
  const { result } = await askAble(program, 2, { ...call("t"), ...given });
  assert.deepEqual(result.structuredContent, { n: 1 });
  assert.equal(repliesTo(server).some((body) => body.includes("unanswered")), false);
});

Deno.test("A question that the server takes back is not answered", async () => {
  const { server, stream } = await startHeld();
  await using _ = server;
  await using program = startProxy(server.url);
  const asked = askAble(program, 1, call("t"));
  const held = await stream();
  await held.send({ jsonrpc: "2.0", id: "taken-back", method: "elicitation/create", params: FORM });
  await held.send({ jsonrpc: "2.0", id: "stays", method: "elicitation/create", params: FORM });
  const given = answers(await asked);
  await held.notify("notifications/cancelled", { requestId: "taken-back" });
  await held.request("ping");
  const going = askAble(program, 2, { ...call("t"), ...given });
  await server.answer("stays");
  await held.result({ content: [] });
  assert.equal((await going).result.resultType, "complete");
  assert.equal(repliesTo(server).some((body) => body.includes("taken-back")), false);
});

Deno.test("Progress and log messages pass under the client's token before and after a question", async () => {
  const { server, stream } = await startHeld();
  await using _ = server;
  await using program = startProxy(server.url);
  const options = { capabilities: ABLE, logLevel: "info", more: { progressToken: "mine" } };
  const asked = ask(program, 1, "tools/call", call("t"), options);
  const held = await stream();
  const token = held.message.params._meta.progressToken;
  const progress = (progress: number) =>
    held.notify("notifications/progress", { progressToken: token, progress });
  await progress(1);
  await held.notify("notifications/message", { level: "info", data: "before" });
  await held.notify("notifications/message", { level: "debug", data: "too quiet" });
  const reply = held.request("elicitation/create", FORM);
  const given = answers(await asked);
  const going = ask(program, 2, "tools/call", { ...call("t"), ...given }, {
    ...options,
    more: { progressToken: 9007199254740991 },
  });
  await reply;
  await progress(2);
  await held.notify("notifications/message", { level: "error", data: "after" });
  await held.result({ content: [] });
  await going;
  const seen = program.messages.filter(({ method }) => method?.startsWith("notifications/"));
  assert.deepEqual(seen.map(({ params }) => params), [
    { progressToken: "mine", progress: 1 },
    { level: "info", data: "before" },
    { progressToken: 9007199254740991, progress: 2 },
    { level: "error", data: "after" },
  ]);
});

Deno.test("A call that is given up while its question waits is cancelled at the server", async () => {
  const { server, stream } = await startHeld();
  await using _ = server;
  await using program = startProxy(server.url);
  const asked = askAble(program, 1, call("t"));
  const held = await stream();
  await held.send({ jsonrpc: "2.0", id: "one", method: "elicitation/create", params: FORM });
  const given = answers(await asked);
  // The retry waits for the server, which has another question.
  await program.send(modernRequest(2, "tools/call", { ...call("t"), ...given }, { capabilities: ABLE }));
  await server.answer("one");
  await program.notify("notifications/cancelled", { requestId: 2, reason: "enough" });
  const { message } = await server.received(({ message }) => message.method === "notifications/cancelled");
  assert.deepEqual(message.params, { requestId: held.message.id, reason: "enough" });
  await ask(program, 3, "tools/list");
  assert.equal(program.messages.some(({ id }) => id === 2), false);
});

Deno.test("A question for what the client has not declared is refused, and nobody is asked", async () => {
  const { server, stream } = await startHeld();
  await using _ = server;
  await using program = startProxy(server.url);
  const asked = ask(program, 1, "tools/call", call("t"), { capabilities: { elicitation: {} } });
  const held = await stream();
  for (
    const [method, params] of [
      ["sampling/createMessage", { messages: [], maxTokens: 1 }],
      ["roots/list", {}],
      ["elicitation/create", { ...FORM, mode: "url", url: "x://y", elicitationId: "e" }],
      ["x-vendor/ask", {}],
    ] as const
  ) {
    const { error } = await held.request(method, params);
    assert.equal(error?.code, -32601, method);
  }
  await held.result({ content: [] });
  assert.equal((await asked).result.resultType, "complete");
});

Deno.test("An answer of the client's that the server does not take is told of in the log", async () => {
  await using server = await startRawServer({
    on: { ...asksOnStream(), "response": (_request, reply) => reply.status(500) },
  });
  await using program = startProxy(server.url);
  const asked = await askAble(program, 1, call("asks"));
  const { result } = await askAble(program, 2, { ...call("asks"), ...answers(asked) });
  assert.equal(result.resultType, "complete", "this server has read it all the same");
  await program.waitStderr(/answer to elicitation\/create was not delivered: .*HTTP 500/);
});

Deno.test("What a client can't be asked with words of its own: a legacy server's tasks and ids of pages stay behind", async () => {
  const { server, stream } = await startHeld();
  await using _ = server;
  await using program = startProxy(server.url);
  const asked = askAble(program, 1, call("t"));
  const held = await stream();
  await held.send(
    '{"jsonrpc":"2.0","id":"q","method":"elicitation/create","params":{"mode":"url","task":{"ttl":1},"url":"x://y",' +
      '"elicitationId":"e","message":"m","n":1E400}}',
  );
  const given = answers(await asked);
  assert.ok(
    program.lines.at(-1)!.includes(
      '{"method":"elicitation/create","params":{"mode":"url","url":"x://y","message":"m","n":1E400}}',
    ),
    program.lines.at(-1),
  );
  const going = askAble(program, 2, { ...call("t"), ...given });
  await server.answer("q");
  await held.result({ content: [] });
  await going;
});

// Where the server does not say on whose behalf it asks ------------------------------------------------------------------

Deno.test("A question on the GET stream is put to the call in flight, and refused when there is none", async () => {
  const { server, stream } = await startHeld();
  await using _ = server;
  await using program = startProxy(server.url);
  await ask(program, 0, "tools/list", {}, { capabilities: ABLE });
  const get = await server.stream();
  const { error } = await get.request("elicitation/create", FORM);
  assert.equal(error?.code, -32601);
  assert.deepEqual((await get.request("ping")).result, {});
  const asked = askAble(program, 1, call("t"));
  const held = await stream();
  const reply = get.request("elicitation/create", FORM);
  const going = askAble(program, 2, { ...call("t"), ...answers(await asked, { action: "decline" }) });
  assert.deepEqual((await reply).result, { action: "decline" });
  await held.result({ content: [] });
  assert.equal((await going).result.resultType, "complete");
});

/** A server on one connection whose tools a test holds; `asks` asks for a form first. */
function startHeldLine(): Promise<RawLineServer> {
  return startRawLineServer({
    on: {
      "tools/call": async (message, peer) => {
        if (message.params.name === "held") return undefined;
        if (message.params.name !== "asks") return "default";
        const { result, error } = await peer.request("elicitation/create", FORM);
        return await peer.result(message, { content: [], structuredContent: { got: result ?? error } });
      },
    },
  });
}

Deno.test("A question that was put to another call than it belongs to is answered all the same when that ends first", async () => {
  await using server = await startHeldLine();
  await using program = startProxy(server.endpoint);
  const first = askAble(program, 1, call("held"));
  const held = await server.message(({ params }) => params?.name === "held");
  const second = askAble(program, 2, call("asks"));
  const asked = await Promise.race([first, second]);
  await server.received[0]!.peer.result(held, { content: [] });
  // Whichever was asked comes back with what it was asked for.
  const [name, other] = asked.id === 1 ? ["held", second] as const : ["asks", first] as const;
  const { result } = await askAble(program, 3, { ...call(name), ...answers(asked) });
  assert.equal(result.resultType, "complete");
  assert.equal((await other).result.resultType, "complete");
});

Deno.test("A question is not put to a call whose client is away while another's is there", async () => {
  await using server = await startHeldLine();
  await using program = startProxy(server.endpoint);
  const away = await askAble(program, 1, call("asks", { n: 1 }));
  assert.equal(away.result.resultType, "input_required");
  const asked = await askAble(program, 2, call("asks", { n: 2 }));
  const { result } = await askAble(program, 3, { ...call("asks", { n: 2 }), ...answers(asked) });
  assert.equal(result.resultType, "complete");
  const { result: last } = await askAble(program, 4, { ...call("asks", { n: 1 }), ...answers(away) });
  assert.equal(last.resultType, "complete");
});

Deno.test("Several calls that ask at the same time over one connection are each asked", async () => {
  await using server = await startHeldLine();
  await using program = startProxy(server.endpoint);
  const all = await Promise.all([1, 2, 3].map((id) => askAble(program, id, call("asks", { id }))));
  const last = await Promise.all(
    all.map((asked) =>
      askAble(program, Number(asked.id) + 10, { ...call("asks", { id: asked.id }), ...answers(asked) })
    ),
  );
  for (const { result } of last) assert.equal(result?.resultType, "complete");
});

Deno.test("A question goes on to another call when the one it was put to is given up", async () => {
  await using server = await startHeldLine();
  await using program = startProxy(server.endpoint);
  await program.send(modernRequest(1, "tools/call", call("held"), { capabilities: ABLE }));
  await server.message(({ params }) => params?.name === "held");
  const second = askAble(program, 2, call("asks"));
  await server.message(({ params }) => params?.name === "asks");
  await program.notify("notifications/cancelled", { requestId: 1 });
  const asked = await second;
  const { result } = await askAble(program, 4, { ...call("asks"), ...answers(asked) });
  assert.deepEqual(result.structuredContent.got, { action: "accept", content: {} });
});

for (
  const [name, start] of Object.entries({
    "Streamable HTTP": () => startSdkHttpServer(),
    "HTTP+SSE": () => startSdkSseServer(),
    "TCP": () => startSdkTcpServer(),
  })
) {
  Deno.test(`Many calls that ask at once over ${name} each get the answer to their own question`, async () => {
    await using server = await start();
    await using program = startProxy(server.url);
    /** Goes on until the call is over; what is asked is answered by what it says, whichever call it was put to. */
    async function play(id: string, params: Record<string, unknown>): Promise<WireMessage> {
      let answer = await askAble(program, id, params);
      for (let round = 0; answer.result?.resultType === "input_required"; round++) {
        const { inputRequests, requestState } = answer.result as {
          inputRequests: Record<string, { params: { message: string } }>;
          requestState: string;
        };
        const inputResponses = Object.fromEntries(
          Object.entries(inputRequests).map(([key, { params }]) => [
            key,
            { action: "accept", content: { name: `Ada (${params.message})` } },
          ]),
        );
        answer = await askAble(program, `${id}-${round}`, { ...params, inputResponses, requestState });
      }
      return answer;
    }
    const plain = Array.from({ length: 40 }, (_, i) => play(`e${i}`, call("echo", { text: `${i}` })));
    const asking = Array.from({ length: 40 }, (_, i) => play(`a${i}`, call("elicit", { message: `${i}` })));
    const twice = Array.from({ length: 10 }, (_, i) => play(`t${i}`, call("twice", {})));
    for (const [i, { result }] of (await Promise.all(plain)).entries()) {
      assert.equal(result.content[0].text, `${i}`);
    }
    for (const [i, { result }] of (await Promise.all(asking)).entries()) {
      assert.equal(JSON.parse(result.content[0].text).content.name, `Ada (${i})`);
    }
    for (const { result } of await Promise.all(twice)) {
      const { first, second } = JSON.parse(result.content[0].text);
      assert.deepEqual([first.content.name, second.content.name], ["Ada (first)", "Ada (second)"]);
    }
  });
}

// URLs ----------------------------------------------------------------------------------------------------------------

Deno.test("-32042 comes as questions for URLs, and the call is sent again once they were opened", async () => {
  let times = 0;
  await using server = await startRawServer({
    on: {
      "tools/call": ({ message }, reply) =>
        ++times === 1
          ? reply.error(-32042, "Sign in first", {
            elicitations: [
              { mode: "url", url: "https://a.example/", message: "A", elicitationId: "1" },
              { mode: "url", url: "https://b.example/", message: "B", elicitationId: "2" },
            ],
          })
          : reply.result({
            content: [],
            structuredContent: { token: message.params._meta?.progressToken ?? null },
          }),
    },
  });
  await using program = startProxy(server.url);
  const asked = await askAble(program, 1, call("t", { a: 1 }));
  assert.deepEqual(Object.values(asked.result.inputRequests), [
    { method: "elicitation/create", params: { mode: "url", url: "https://a.example/", message: "A" } },
    { method: "elicitation/create", params: { mode: "url", url: "https://b.example/", message: "B" } },
  ]);
  const { result } = await askAble(program, 2, {
    ...call("t", { a: 1 }),
    ...answers(asked, { action: "accept" }),
  });
  assert.equal(result.resultType, "complete");
  const calls = server.calls("tools/call").map(({ message }) => message);
  assert.deepEqual(calls.map(({ params }) => params), [{ name: "t", arguments: { a: 1 } }, {
    name: "t",
    arguments: { a: 1 },
  }]);
  assert.notEqual(calls[0]!.id, calls[1]!.id);
});

Deno.test("A URL that the user does not open ends the call in a way that the model can read", async () => {
  await using server = await startRawServer({
    on: {
      "tools/call": (_request, reply) =>
        reply.error(-32042, "Sign in first", { elicitations: [{ url: "https://a.example/", message: "A" }] }),
    },
  });
  await using program = startProxy(server.url);
  const asked = await askAble(program, 1, call("t"));
  const { result } = await askAble(program, 2, { ...call("t"), ...answers(asked, { action: "decline" }) });
  assert.equal(result.isError, true);
  assert.equal(result.resultType, "complete");
  assert.equal(server.calls("tools/call").length, 1);
  const { error } = await ask(program, 3, "tools/call", call("t"), {
    capabilities: { elicitation: { form: {} } },
  });
  assert.equal(error?.code, -32021);
  assert.deepEqual(error?.data.requiredCapabilities, { elicitation: { url: {} } });
});

// Both eras at once -----------------------------------------------------------------------------------------------------

Deno.test("A legacy session and modern requests are served by one process, and their ids never meet", async () => {
  await using server = await startRawServer({
    on: {
      "tools/call": async ({ message, headers }, reply) => {
        const stream = await reply.sse();
        if (message.params.name === "asks") {
          const { result } = await stream.request("elicitation/create", FORM);
          await stream.result({
            content: [],
            structuredContent: { n: message.params.arguments.n, got: result.content },
          });
        } else {
          const session = headers.get("mcp-session-id")!.slice(0, 13);
          await stream.result({ content: [], structuredContent: { ...message.params.arguments, session } });
        }
        await stream.end();
      },
    },
  });
  await using program = await proxied(server.url, { initialize: { capabilities: { elicitation: {} } } });
  program.respond("elicitation/create", () => ({ action: "accept", content: { era: "legacy" } }));
  // The ids of our own requests begin at 1 as well.
  const modern = Array.from({ length: 10 }, (_, i) => askAble(program, `${i + 1}`, call("echo", { n: i })));
  const numbers = Array.from({ length: 10 }, (_, i) => askAble(program, 100 + i, call("echo", { n: i })));
  const legacy = Array.from({ length: 10 }, (_, i) => program.request("tools/call", call("echo", { n: i })));
  for (const all of [modern, numbers]) {
    for (const [i, { result }] of (await Promise.all(all)).entries()) {
      assert.deepEqual(result.structuredContent, { n: i, session: "raw-session-2" });
      assert.equal(result.resultType, "complete");
    }
  }
  for (const [i, { result }] of (await Promise.all(legacy)).entries()) {
    assert.deepEqual(result.structuredContent, { n: i, session: "raw-session-1" });
    assert.equal("resultType" in result, false);
  }
  const asks = askAble(program, "q", call("asks", { n: "modern" }));
  const { result } = await program.request("tools/call", call("asks", { n: "legacy" }));
  assert.deepEqual(result.structuredContent, { n: "legacy", got: { era: "legacy" } });
  const given = answers(await asks, { action: "accept", content: { era: "modern" } });
  const { result: late } = await askAble(program, "r", { ...call("asks", { n: "modern" }), ...given });
  assert.deepEqual(late.structuredContent, { n: "modern", got: { era: "modern" } });
  assert.equal(server.sessions.length, 2);
  // Nothing but the question for its era is without a session.
  const [probe] = server.calls("server/discover");
  assert.deepEqual(server.violations.filter((it) => !it.startsWith(`request ${probe!.number} `)), []);
});
