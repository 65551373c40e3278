import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { globToRegExp, toolFilter, toolIsShown } from "../../src/bridge/tool_filter.ts";
import { notification, request } from "../../src/jsonrpc/answers.ts";
import { Message } from "../../src/jsonrpc/message.ts";
import type { Exchange } from "../../src/link/peer.ts";
import { fakePeer } from "../support/fake_peer.ts";
import { jsonText, space } from "../support/generators.ts";

/** Matches a glob the slow way. */
function matches([first, ...glob]: string[], [char, ...text]: string[]): boolean {
  if (first === undefined) return char === undefined;
  if (first === "*") {
    return matches(glob, char === undefined ? [] : [char, ...text]) ||
      (char !== undefined && matches([first, ...glob], text));
  }
  return char !== undefined && (first === "?" || first === char) && matches(glob, text);
}

const letter = fc.constantFrom(
  "a",
  "b",
  "_",
  ".",
  "é",
  "🐟",
  "\n",
  "[",
  "]",
  "\\",
  "^",
  "$",
  "(",
  "|",
  "+",
  "-",
  "/",
  "{",
);
const glob = fc.string({
  unit: fc.oneof({ weight: 3, arbitrary: letter }, { weight: 2, arbitrary: fc.constantFrom("*", "?") }),
  maxLength: 8,
});
const name = fc.string({ unit: letter, maxLength: 8 });

/** A glob and a name made from it, which it matches. */
const related = glob.chain((glob) =>
  fc.tuple(...[...glob].map((char) => char === "*" ? name : char === "?" ? letter : fc.constant(char)))
    .map((parts): [string, string] => [glob, parts.join("")])
);

Deno.test("globs match as a plain matcher does, every other character standing for itself", () => {
  let hits = 0;
  fc.assert(
    fc.property(fc.oneof(related, fc.tuple(glob, name)), ([glob, name]) => {
      const expected = matches([...glob], [...name]);
      if (expected) hits++;
      strictEqual(globToRegExp(glob).test(name), expected);
    }),
    { numRuns: 2000 },
  );
  ok(hits > 500, `${hits} hits`);
});

Deno.test("a tool is shown when it is allowed, or nothing is said of that, and it is not ignored", () => {
  const shown = (allow: string[], ignore: string[], name: string) =>
    toolIsShown(allow.map(globToRegExp), ignore.map(globToRegExp), name);
  strictEqual(shown([], [], "a"), true);
  strictEqual(shown(["a", "b*"], [], "bc"), true);
  strictEqual(shown(["a", "b*"], [], "c"), false);
  strictEqual(shown([], ["a*"], "ab"), false);
  strictEqual(shown(["*"], ["a*"], "ab"), false);
  strictEqual(shown(["A"], [], "a"), false);
});

function filtered(allow: string[], ignore: string[]) {
  const server = fakePeer();
  return { server, peer: toolFilter({ allow, ignore, endpoint: "E" })(server) };
}

async function refused(exchange: Exchange): Promise<boolean> {
  const outcome = await Promise.race([exchange.outcome, Promise.resolve(undefined)]);
  return outcome?.kind === "refused" && outcome.failure.code === "TOOL_FILTERED";
}

Deno.test("toolFilter takes hidden tools out of a list, and every other byte stays", async () => {
  const tool = fc.record({
    name: fc.constantFrom("open", "secret", "secret.key"),
    rest: jsonText,
    before: space,
    after: space,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(tool, { maxLength: 5 }), jsonText, async (tools, rest) => {
      const { server, peer } = filtered([], ["secret*"]);
      const exchange = peer.request(request("1", "tools/list"));
      const texts = tools.map(({ name, rest }) =>
        `{ "x":${rest},"name" : "${name}" , "big":12345678901234567890}`
      );
      const list = (items: string[]) =>
        `{"jsonrpc":"2.0", "id":1,"result":{"n":1E400,"tools":[${items.join(",")}] ,"rest":${rest}}}`;
      const whole = list(tools.map(({ before, after }, i) => before + texts[i] + after));
      server.requests[0]!.exchange.settle({ kind: "answered", message: Message.fromText(whole) });
      const outcome = await exchange.outcome;
      ok(outcome.kind === "answered");
      const kept = tools.flatMap(({ name }, i) => name === "open" ? [texts[i]!] : []);
      const flat = (text: string) => text.replace(/[\r\n]/g, " ");
      // White space around the elements that go may go with them or stay.
      const bare = (text: string) => flat(text).replace(/([[,])\s+(?=[{\]])|\s+(?=[,\]])/g, "$1");
      if (kept.length === tools.length) strictEqual(outcome.message.text, flat(whole));
      strictEqual(bare(outcome.message.text), bare(list(kept)));
      for (const text of kept) ok(outcome.message.text.includes(flat(text)));
    }),
    { numRuns: 150 },
  );
});

Deno.test("toolFilter hides what has no name, and leaves other answers as they are", async () => {
  const { server, peer } = filtered(["*"], []);
  const answer = async (method: string, text: string) => {
    const exchange = peer.request(request("1", method));
    const message = Message.fromText(text);
    server.requests.at(-1)!.exchange.settle({ kind: "answered", message });
    const outcome = await exchange.outcome;
    ok(outcome.kind === "answered");
    return { text: outcome.message.text, same: outcome.message === message };
  };
  strictEqual(
    (await answer("tools/list", '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"},{},1,{"name":2}]}}'))
      .text,
    '{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"}]}}',
  );
  for (
    const body of [
      '"error":{"code":1,"message":"tools"}',
      '"result":{}',
      '"result":{"tools":{}}',
      '"result":{"tools":[]}',
    ]
  ) {
    strictEqual((await answer("tools/list", `{"jsonrpc":"2.0","id":1,${body}}`)).same, true, body);
  }
  strictEqual((await answer("prompts/list", '{"jsonrpc":"2.0","id":1,"result":{"tools":[{}]}}')).same, true);
});

Deno.test("toolFilter hands on how a list failed, and its cancelling", async () => {
  const { server, peer } = filtered(["a"], []);
  const exchange = peer.request(request("1", "tools/list"));
  exchange.cancel(notification("notifications/cancelled"));
  strictEqual((await exchange.outcome).kind, "cancelled");
  strictEqual(server.requests[0]!.cancelled.length, 1);
});

Deno.test("toolFilter lets calls of shown tools through as they are", () => {
  const { server, peer } = filtered(["open*"], ["*secret"]);
  const call = Message.fromText(
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"n\\u0061me":"open1", "arguments":{"name":"secret"}}}',
  );
  const options = { headers: {} };
  peer.request(call, options);
  strictEqual(server.requests[0]!.message, call);
  strictEqual(server.requests[0]!.options, options);
});

const CALLS: [what: string, params: string][] = [
  ["a hidden tool", '{"name":"secret"}'],
  ["a hidden tool, spelled with escapes", '{"\\u006eame":"s\\u0065cret"}'],
  ["no tool", "{}"],
  ["a tool by number", '{"name":1}'],
  ["a tool by null", '{"name":null}'],
  ["a tool in an array", '["open"]'],
  ["two tools, the hidden one first", '{"name":"secret","name":"open"}'],
  ["two tools, the hidden one last", '{"name":"open","name":"secret"}'],
  ["one tool twice", '{"name":"open","n\\u0061me":"open"}'],
  ["a tool, and another in other letters", '{"name":"open","Name":"secret"}'],
  ["a tool in capital letters", '{"NAME":"open"}'],
];

for (const [what, params] of CALLS) {
  Deno.test(`toolFilter refuses a call of ${what}, which never leaves`, async () => {
    const { server, peer } = filtered(["open"], ["secret"]);
    const call = Message.fromText(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`);
    strictEqual(await refused(peer.request(call)), true);
    deepStrictEqual(server.order, []);
  });
}

Deno.test("toolFilter refuses a call without params, which never leaves", async () => {
  const { server, peer } = filtered(["open"], []);
  strictEqual(await refused(peer.request(request("1", "tools/call"))), true);
  deepStrictEqual(server.order, []);
});

for (
  const [what, text] of [
    [
      "params in other letters as well",
      '"method":"tools/call","params":{"name":"open"},"Params":{"name":"secret"}',
    ],
    ["a method in other letters as well", '"method":"ping","Method":"tools/call","params":{"name":"secret"}'],
  ]
) {
  Deno.test(`toolFilter refuses a call with ${what}, which some servers would take for the real ones`, async () => {
    const { server, peer } = filtered(["open"], []);
    strictEqual(await refused(peer.request(Message.fromText(`{"jsonrpc":"2.0","id":1,${text}}`))), true);
    deepStrictEqual(server.order, []);
  });
}

Deno.test("toolFilter takes a method for a call, or a list, whatever its case", async () => {
  const { server, peer } = filtered(["open"], []);
  strictEqual(await refused(peer.request(request("1", "Tools/Call", { name: "secret" }))), true);
  deepStrictEqual(server.order, []);
  peer.request(request("1", "Tools/Call", { name: "open" }));
  const list = peer.request(request("2", "TOOLS/LIST"));
  deepStrictEqual(server.order, ["Tools/Call", "TOOLS/LIST"]);
  server.requests[1]!.answer({ tools: [{ name: "open" }, { name: "secret" }] });
  const outcome = await list.outcome;
  ok(outcome.kind === "answered");
  strictEqual(outcome.message.text, '{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"open"}]}}');
});

Deno.test("toolFilter lets no call of a hidden tool leave as a notification", async () => {
  const { server, peer } = filtered(["open"], []);
  await peer.notify(notification("tools/call", { name: "secret" }));
  deepStrictEqual(server.order, []);
});

Deno.test("toolFilter hands everything else on", async () => {
  const { server, peer } = filtered(["open"], []);
  peer.request(request("1", "ping"));
  strictEqual(await peer.notify(notification("a")), undefined);
  deepStrictEqual(server.order, ["ping", "a"]);
  const listener = { receive: () => {} };
  peer.listen(listener);
  strictEqual(server.listener, listener);
  await peer.close();
  strictEqual(server.closed, 1);
});
