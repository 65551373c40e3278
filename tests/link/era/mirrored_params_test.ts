import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { errorAnswer, request, resultAnswer } from "../../../src/jsonrpc/answers.ts";
import { withId } from "../../../src/jsonrpc/edit.ts";
import type { Message } from "../../../src/jsonrpc/message.ts";
import { mirroredParams, type MirroredParamsOptions } from "../../../src/link/era/mirrored_params.ts";
import { failure } from "../../../src/link/failure.ts";
import type { Outcome } from "../../../src/link/peer.ts";
import { collectedLog } from "../../support/collected_log.ts";
import { fakePeer, type FakeRequest } from "../../support/fake_peer.ts";
import { turn, until } from "../../support/until.ts";

const annotated = (name: string, header: unknown = "Region", type = "string") => ({
  name,
  inputSchema: {
    type: "object",
    properties: { region: { type, "x-mcp-header": header }, text: { type: "string" } },
  },
});
const PLAIN = { name: "plain", inputSchema: { type: "object" } };

const call = (id: string, name = "t", args: unknown = { region: "eu" }) =>
  request(id, "tools/call", { name, arguments: args });
const list = (id: string, cursor?: string) =>
  request(id, "tools/list", cursor === undefined ? {} : { cursor });

/** The outcome of a request whose header the server misses. */
function missed(message: Message, status?: number): Outcome {
  const answer = errorAnswer(message.id!, -32020, "Header mismatch");
  if (status === undefined) return { kind: "answered", message: answer };
  const why = failure("REFUSED", "E", "refused", undefined, status);
  return { kind: status === 404 ? "session_unknown" : "refused", failure: why, status, answer };
}

function setUp(options: Partial<MirroredParamsOptions> = {}) {
  const fake = fakePeer();
  const { logger, messages } = collectedLog();
  const peer = mirroredParams({ endpoint: "E", logger, ...options })(fake);
  return {
    fake,
    peer,
    messages,
    /** The requests of a method that have left. */
    sent: (method: string) => fake.requests.filter(({ message }) => message.method === method),
    /** The client lists the tools, a page each. */
    async lists(...pages: unknown[][]): Promise<void> {
      for (const [i, tools] of pages.entries()) {
        const exchange = peer.request(list(`"list-${i}"`, i === 0 ? undefined : `${i}`));
        fake.requests.at(-1)!.answer({ tools, ...(i + 1 < pages.length && { nextCursor: `${i + 1}` }) });
        await exchange.outcome;
      }
    },
    /** Calls, and waits until that has left. */
    async calls(message: Message, given?: Record<string, string>): Promise<FakeRequest> {
      const before = fake.requests.length;
      peer.request(message, given && { headers: given });
      await until(() => fake.requests.length > before);
      return fake.requests.at(-1)!;
    },
  };
}

Deno.test("A listed tool's arguments are mirrored, and its name with them", async () => {
  const { lists, calls } = setUp();
  await lists([annotated("t"), PLAIN]);
  const { message, options } = await calls(call("1", "t", { region: "eu-ü" }), { a: "b" });
  strictEqual(message.text, call("1", "t", { region: "eu-ü" }).text);
  deepStrictEqual(options?.headers, {
    "a": "b",
    "mcp-name": "t",
    "mcp-param-region": "=?base64?ZXUtw7w=?=",
  });
  deepStrictEqual((await calls(call("2", "plain"))).options, undefined);
  deepStrictEqual((await calls(call("3", "t", { region: null }))).options?.headers, { "mcp-name": "t" });
});

Deno.test("Pages add up, the first one forgets, and so does a new initialize", async () => {
  const { lists, calls, peer } = setUp();
  await lists([annotated("a")], [annotated("b")]);
  strictEqual((await calls(call("1", "a"))).options?.headers?.["mcp-param-region"], "eu");
  strictEqual((await calls(call("2", "b"))).options?.headers?.["mcp-param-region"], "eu");
  await lists([annotated("b", "Zone")]);
  strictEqual((await calls(call("3", "a"))).options?.headers, undefined);
  strictEqual((await calls(call("4", "b"))).options?.headers?.["mcp-param-zone"], "eu");
  await lists([PLAIN]);
  strictEqual((await calls(call("5", "b"))).options?.headers, undefined);
  await lists([annotated("b")]);
  peer.request(request("6", "initialize", {}));
  strictEqual((await calls(call("7", "b"))).options?.headers, undefined);
});

Deno.test("What is called right behind a list waits until that is read", async () => {
  const { peer, fake, sent } = setUp();
  peer.request(list("1"));
  fake.requests[0]!.answer({ tools: [annotated("t")] });
  const exchange = peer.request(call("2"));
  strictEqual(exchange.held, true);
  await until(() => sent("tools/call").length === 1);
  strictEqual(sent("tools/call")[0]!.options?.headers?.["mcp-param-region"], "eu");
  strictEqual(exchange.held, false);
  const given = peer.request(call("3"));
  given.cancel();
  await turn();
  strictEqual(sent("tools/call").length, 1);
});

Deno.test("Lists without an annotation leave calls as they are, in the same turn", async () => {
  const { lists, peer, fake } = setUp();
  await lists([PLAIN, { ...PLAIN, description: "x-mcp x-mcp-heade" }]);
  const message = call("1", "plain");
  const options = { headers: { a: "b" } };
  peer.request(message, options);
  strictEqual(fake.requests.at(-1)!.message, message);
  strictEqual(fake.requests.at(-1)!.options, options);
});

Deno.test("A tool whose annotations are not valid has no header, and a line in the debug log", async () => {
  const { lists, calls, messages } = setUp();
  await lists([annotated("t", "Region", "number"), annotated("u")]);
  strictEqual((await calls(call("1", "t"))).options, undefined);
  strictEqual((await calls(call("2", "u"))).options?.headers?.["mcp-param-region"], "eu");
  const told = messages("debug").filter((it) => it.includes("no argument is mirrored"));
  strictEqual(told.length, 1);
});

for (const status of [undefined, 400, 404, 422]) {
  const how = status === undefined ? "in an answer" : `with HTTP ${status}`;
  Deno.test(`A header that is missed (${how}) is found in a list of our own, once`, async () => {
    const { calls, fake, sent, peer } = setUp();
    const outcome = peer.request(call("7", "t"), { headers: { a: "b" } }).outcome;
    const first = fake.requests[0]!;
    first.exchange.settle(missed(first.message, status));
    await until(() => sent("tools/list").length === 1);
    const ours = sent("tools/list")[0]!;
    match(ours.message.id!, /^"mcp-connect-headers-/);
    strictEqual(ours.options, undefined);
    ours.answer({ tools: [PLAIN], nextCursor: "c" });
    await until(() => sent("tools/list").length === 2);
    strictEqual(sent("tools/list")[1]!.message.textOf("params"), '{"cursor":"c"}');
    sent("tools/list")[1]!.answer({ tools: [annotated("t")] });
    await until(() => sent("tools/call").length === 2);
    const second = sent("tools/call")[1]!;
    strictEqual(second.message, first.message);
    deepStrictEqual(second.options?.headers, { "a": "b", "mcp-name": "t", "mcp-param-region": "eu" });
    second.answer({ content: [] });
    deepStrictEqual(await outcome, { kind: "answered", message: resultAnswer("7", { content: [] }) });
    // From now on it is known, and so is that this server wants names.
    deepStrictEqual((await calls(call("8", "t"))).options?.headers, {
      "mcp-name": "t",
      "mcp-param-region": "eu",
    });
    deepStrictEqual((await calls(request("9", "prompts/get", { name: "p" }))).options?.headers, {
      "mcp-name": "p",
    });
  });
}

Deno.test("A header that is missed twice is the client's to hear of, and what can't help is not sent", async () => {
  const { fake, sent, peer } = setUp();
  const outcome = peer.request(call("1")).outcome;
  fake.requests[0]!.exchange.settle(missed(fake.requests[0]!.message, 400));
  await until(() => sent("tools/list").length === 1);
  sent("tools/list")[0]!.answer({ tools: [annotated("t")] });
  await until(() => sent("tools/call").length === 2);
  const second = missed(sent("tools/call")[1]!.message, 400);
  sent("tools/call")[1]!.exchange.settle(second);
  strictEqual(await outcome, second);
  strictEqual(sent("tools/list").length, 1);

  const another = peer.request(call("2")).outcome;
  await until(() => sent("tools/call").length === 3);
  const refused = missed(sent("tools/call")[2]!.message);
  sent("tools/call")[2]!.exchange.settle(refused);
  await until(() => sent("tools/list").length === 2);
  sent("tools/list")[1]!.answer({ tools: [annotated("t")] });
  strictEqual(await another, refused);
  strictEqual(sent("tools/call").length, 3);
});

Deno.test("Prompts and resources that miss their name get it without a list", async () => {
  for (
    const [method, params, name] of [
      ["prompts/get", { name: "p" }, "p"],
      ["resources/read", { uri: "file:///ä" }, "=?base64?ZmlsZTovLy/DpA==?="],
    ] as const
  ) {
    const { fake, sent, peer } = setUp();
    peer.request(request("1", method, params));
    fake.requests[0]!.exchange.settle(missed(fake.requests[0]!.message, 400));
    await until(() => sent(method).length === 2);
    deepStrictEqual(sent(method)[1]!.options?.headers, { "mcp-name": name });
    strictEqual(sent("tools/list").length, 0);
  }
});

Deno.test("Calls that miss a header at once share one list", async () => {
  const { fake, sent, peer } = setUp();
  for (const id of ["1", "2", "3"]) peer.request(call(id));
  for (const it of [...fake.requests]) it.exchange.settle(missed(it.message, 400));
  await until(() => sent("tools/list").length > 0);
  sent("tools/list")[0]!.answer({ tools: [annotated("t")] });
  await until(() => sent("tools/call").length === 6);
  strictEqual(sent("tools/list").length, 1);
});

Deno.test("A list that does not come in time is given up, and the name alone is tried", async () => {
  const { fake, sent, peer } = setUp({ listMs: 20 });
  peer.request(call("1"));
  fake.requests[0]!.exchange.settle(missed(fake.requests[0]!.message, 400));
  await until(() => sent("tools/call").length === 2);
  const [ours] = sent("tools/list");
  strictEqual(
    ours!.cancelled[0]?.textOf("params"),
    `{"requestId":${ours!.message.id}}`,
  );
  deepStrictEqual(sent("tools/call")[1]!.options?.headers, { "mcp-name": "t" });
});

Deno.test("A call that is given up while the tools are listed is not sent again", async () => {
  const { fake, sent, peer } = setUp();
  const exchange = peer.request(call("1"));
  fake.requests[0]!.exchange.settle(missed(fake.requests[0]!.message, 400));
  await until(() => sent("tools/list").length === 1);
  exchange.cancel();
  sent("tools/list")[0]!.answer({ tools: [annotated("t")] });
  await turn();
  await turn();
  strictEqual(sent("tools/call").length, 1);
});

Deno.test("Another error is passed on as it is", async () => {
  const { fake, peer } = setUp();
  const { outcome } = peer.request(call("1"));
  fake.requests[0]!.exchange.settle({
    kind: "answered",
    message: withId(errorAnswer("1", -32602, "Invalid params", { code: -32020 }), "1"),
  });
  const { kind } = await outcome;
  strictEqual(kind, "answered");
  strictEqual(fake.requests.length, 1);
});

Deno.test("Modern requests are left alone: they bring their headers, and their lists are another's", async () => {
  const { peer, fake, calls } = setUp();
  const options = { final: true, headers: { "mcp-name": "x" } };
  peer.request(list("1"), options);
  fake.requests[0]!.answer({ tools: [annotated("t")] });
  strictEqual((await calls(call("2"))).options, undefined);
  const { outcome } = peer.request(call("3"), options);
  const it = fake.requests.at(-1)!;
  strictEqual(it.options, options);
  const refused = missed(it.message, 400);
  it.exchange.settle(refused);
  strictEqual(await outcome, refused);
  ok(fake.requests.length === 3);
});
