import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { createMerging, isChange } from "../../src/balance/merging.ts";
import { notification } from "../../src/jsonrpc/answers.ts";
import { Message } from "../../src/jsonrpc/message.ts";

const TOOLS = notification("notifications/tools/list_changed");
const updated = (uri: string) => notification("notifications/resources/updated", { uri });

function setUp() {
  let time = 10_000;
  const merging = createMerging(() => time);
  return { merging, at: (ms: number) => time = 10_000 + ms };
}

/** Says the same of several upstreams, `[ms, serial]` each, and tells which the client hears. */
function heard(said: readonly (readonly [ms: number, serial: number])[], message = TOOLS): boolean[] {
  const { merging, at } = setUp();
  return said.map(([ms, serial]) => {
    at(ms);
    return merging.isNews(message, serial);
  });
}

const TABLE: readonly [name: string, said: [number, number][], heard: boolean[]][] = [
  ["one says it once", [[0, 0]], [true]],
  ["all say it once", [[0, 0], [3, 1], [500, 2]], [true, false, false]],
  ["one says it twice", [[0, 0], [1, 0]], [true, true]],
  ["all say it twice", [[0, 0], [1, 1], [2, 1], [3, 0]], [true, false, true, false]],
  ["the second overtakes", [[0, 0], [1, 0], [2, 1], [3, 1], [4, 1]], [true, true, false, false, true]],
  ["another says it much later", [[0, 0], [501, 1]], [true, true]],
  ["a change follows at the end of the time", [[0, 0], [5, 1], [450, 0], [520, 1]], [
    true,
    false,
    true,
    false,
  ]],
  ["changes follow each other for long", [[0, 0], [9, 1], [400, 0], [409, 1], [800, 0], [809, 1]], [
    true,
    false,
    true,
    false,
    true,
    false,
  ]],
  ["one misses a change", [[0, 0], [600, 0], [601, 1]], [true, true, false]],
];

for (const [name, said, expected] of TABLE) {
  Deno.test(`Of changes that several upstreams tell of each is heard once: ${name}`, () => {
    deepStrictEqual(heard(said), expected);
  });
}

Deno.test("Replicas that all tell of each change within half a second are one server to the client", () => {
  const changes = fc.array(fc.nat(1000), { minLength: 1, maxLength: 12 });
  const delays = fc.array(fc.nat(400), { minLength: 1, maxLength: 4 });
  fc.assert(fc.property(changes, delays, (gaps, delays) => {
    let time = 0;
    const said = gaps.flatMap((gap) => {
      time += gap;
      return delays.map((delay, serial) => [time + delay, serial] as const);
    }).sort(([a], [b]) => a - b);
    strictEqual(heard(said).filter((it) => it).length, gaps.length);
  }));
});

Deno.test("Whatever they say, nobody's change is missed, and nothing is heard more often than it is said", () => {
  const anything = fc.array(fc.tuple(fc.nat(2000), fc.nat(3)), { maxLength: 40 });
  fc.assert(fc.property(anything, (said) => {
    said.sort(([a], [b]) => a - b);
    const news = heard(said);
    for (const [i, [ms, serial]] of said.entries()) {
      // Where it is not heard, it was heard of another a moment before.
      ok(news[i] || said.some(([at, other], j) => j < i && news[j] && ms - at <= 500 && other !== serial));
    }
    const most = Math.max(0, ...[0, 1, 2, 3].map((it) => said.filter(([, serial]) => serial === it).length));
    ok(news.filter((it) => it).length >= most);
  }));
});

Deno.test("Servers that write the same in different ways mean the same, and others do not", () => {
  const { merging } = setUp();
  const says = (text: string, serial: number) => merging.isNews(Message.fromText(text), serial);
  const update = (params: string) =>
    `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":${params}}`;
  ok(says(update('{"uri":"x://a/b"}'), 0));
  ok(!says(update('{ "_meta": {}, "uri": "x:\\/\\/a\\/b" }'), 1));
  ok(!says(update('{"title":"A","uri":"x://a/b"}'), 2));
  ok(says(update('{"uri":"x://a/c"}'), 1));
  ok(says('{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}', 0));
  ok(!says('{"jsonrpc":"2.0","params":{},"method":"notifications/tools/list_changed"}', 1));
  ok(says('{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}', 1));
  const tag = (id: string) =>
    `{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":${id}}}}`;
  ok(says(tag("1"), 0));
  ok(says(tag("2"), 1));
  ok(!says(tag("1"), 1));
});

Deno.test("What is remembered is bounded, and what is forgotten is heard again", () => {
  const { merging } = setUp();
  ok(merging.isNews(updated("x://0"), 0));
  for (let i = 1; i <= 4096; i++) merging.isNews(updated(`x://${i}`), 0);
  ok(merging.isNews(updated("x://0"), 1));
  ok(!merging.isNews(updated("x://4096"), 1));
});

Deno.test("Only what tells of a change is merged", () => {
  const table: Record<string, boolean> = {
    "notifications/tools/list_changed": true,
    "notifications/prompts/list_changed": true,
    "notifications/resources/list_changed": true,
    "notifications/resources/updated": true,
    "notifications/com.example/things/list_changed": true,
    "notifications/message": false,
    "notifications/progress": false,
    "notifications/cancelled": false,
    "notifications/tasks/status": false,
  };
  for (const [method, expected] of Object.entries(table)) strictEqual(isChange(method), expected, method);
  strictEqual(isChange(undefined), false);
});
