import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { Message } from "../../src/jsonrpc/message.ts";
import {
  acknowledgement,
  isListenedFor,
  LIST_CHANGES,
  readFilter,
  servedFilter,
  tagged,
} from "../../src/mcp/subscriptions.ts";

const ALL = { toolsListChanged: true, promptsListChanged: true, resourcesListChanged: true } as const;

const filters: [what: string, given: unknown, read: unknown][] = [
  ["nothing", undefined, {}],
  ["what is no object", [1], {}],
  ["an empty one", {}, {}],
  ["all", { ...ALL, resourceSubscriptions: ["a", "b"] }, { ...ALL, resourceSubscriptions: ["a", "b"] }],
  [
    "what is not wanted",
    { toolsListChanged: false, promptsListChanged: 1, resourcesListChanged: "true" },
    {},
  ],
  ["no URIs", { resourceSubscriptions: [] }, {}],
  ["URIs that are none", { resourceSubscriptions: [1, null, "a", {}] }, { resourceSubscriptions: ["a"] }],
  ["a URI twice", { resourceSubscriptions: ["a", "b", "a"] }, { resourceSubscriptions: ["a", "b"] }],
  ["what is not known", { x: true, toolsListChanged: true }, { toolsListChanged: true }],
];
for (const [what, given, read] of filters) {
  Deno.test(`readFilter: ${what}`, () => deepStrictEqual(readFilter({ notifications: given }), read));
}

const WANTED = { ...ALL, resourceSubscriptions: ["a"] };
const served: [declared: Record<string, unknown>, served: unknown][] = [
  [{}, {}],
  [{ tools: {}, prompts: {}, resources: {} }, {}],
  [{ tools: { listChanged: true } }, { toolsListChanged: true }],
  [{ resources: { subscribe: true } }, { resourceSubscriptions: ["a"] }],
  [{ resources: { subscribe: true, listChanged: true }, prompts: { listChanged: true } }, {
    promptsListChanged: true,
    resourcesListChanged: true,
    resourceSubscriptions: ["a"],
  }],
  [{ tools: { listChanged: "yes" }, resources: { subscribe: 1 } }, {}],
];
for (const [declared, it] of served) {
  Deno.test(`servedFilter: a server that declares ${JSON.stringify(declared)} serves ${JSON.stringify(it)}`, () => {
    deepStrictEqual(servedFilter(WANTED, declared), it);
    deepStrictEqual(servedFilter({}, declared), {});
  });
}

const updated = (uri: unknown) => ({ method: "notifications/resources/updated", uri });
const told: [subscription: string, uri: unknown, told: boolean][] = [
  ["file:///a", "file:///a", true],
  ["file:///a", "file:///a/b", true],
  ["file:///a/", "file:///a/b", true],
  ["file:///a/", "file:///a/", true],
  ["file:///a", "file:///ab", false],
  ["file:///a/b", "file:///a", false],
  ["file:///a", undefined, false],
  ["file:///a", 7, false],
];
for (const [subscription, uri, it] of told) {
  Deno.test(`Who listens for ${subscription} is ${it ? "" : "not "}told of ${uri}`, () => {
    strictEqual(isListenedFor({ resourceSubscriptions: [subscription] }, updated(uri)), it);
    strictEqual(isListenedFor(ALL, updated(uri)), false);
  });
}

Deno.test("Who listens for the change of a list is told of that list alone", () => {
  for (const [name] of LIST_CHANGES) {
    for (const [other, method] of LIST_CHANGES) {
      strictEqual(isListenedFor({ [name]: true }, { method, uri: undefined }), name === other);
    }
  }
  strictEqual(isListenedFor(ALL, { method: "notifications/x", uri: undefined }), false);
});

Deno.test("What a filter is read from is read from it again, and served by a server that declares everything", () => {
  const any = fc.record({
    toolsListChanged: fc.jsonValue(),
    promptsListChanged: fc.boolean(),
    resourcesListChanged: fc.boolean(),
    resourceSubscriptions: fc.oneof(fc.jsonValue(), fc.array(fc.string())),
  }, { requiredKeys: [] });
  const everything = {
    tools: { listChanged: true },
    prompts: { listChanged: true },
    resources: { listChanged: true, subscribe: true },
  };
  fc.assert(fc.property(any, (given) => {
    const filter = readFilter({ notifications: given });
    deepStrictEqual(readFilter({ notifications: filter }), filter);
    deepStrictEqual(servedFilter(filter, everything), filter);
    deepStrictEqual(servedFilter(filter, {}), {});
    const told = acknowledgement("7", filter).parsed("params") as { notifications: unknown };
    deepStrictEqual(told.notifications, JSON.parse(JSON.stringify(filter)));
  }));
});

const ID = '"io.modelcontextprotocol/subscriptionId"';
for (
  const [before, id, after] of [
    ['{"jsonrpc":"2.0","method":"m"}', "7", `{"jsonrpc":"2.0","method":"m","params":{"_meta":{${ID}:7}}}`],
    [
      '{"jsonrpc":"2.0", "params":{ "n":1E400 },"method":"m"}',
      '"\\u0061"',
      `{"jsonrpc":"2.0", "params":{ "n":1E400 ,"_meta":{${ID}:"\\u0061"}},"method":"m"}`,
    ],
    [
      `{"jsonrpc":"2.0","method":"m","params":{"_meta":{"k":1,${ID}:"x"}}}`,
      "7",
      `{"jsonrpc":"2.0","method":"m","params":{"_meta":{"k":1,${ID}:7}}}`,
    ],
  ]
) {
  Deno.test(`tagged with ${id}: ${before}`, () =>
    strictEqual(tagged(Message.fromText(before!), id!).text, after));
}

Deno.test("acknowledgement names the subscription as the client wrote it", () => {
  strictEqual(
    acknowledgement('"\\u0061"', { toolsListChanged: true }).text,
    `{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{${ID}:"\\u0061"},` +
      '"notifications":{"toolsListChanged":true}}}',
  );
});
