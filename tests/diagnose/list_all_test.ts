import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { Reply } from "../../src/diagnose/ask.ts";
import { listAll } from "../../src/diagnose/list_all.ts";
import type { Message } from "../../src/jsonrpc/message.ts";

const TOOLS = { method: "tools/list", member: "tools", label: "name" } as const;

/** Answers with these results in turn, then with the last one for ever; notes the params it was asked with. */
function pages(...results: Record<string, unknown>[]) {
  const asked: unknown[] = [];
  const ask = (_method: string, params?: unknown): Promise<Reply> => {
    asked.push(params);
    const result = results[Math.min(asked.length, results.length) - 1]!;
    return Promise.resolve({ result, message: {} as Message });
  };
  return { ask, asked };
}

Deno.test("listAll follows the cursors to the end", async () => {
  const { ask, asked } = pages(
    { tools: [{ name: "a" }, { name: "b" }], nextCursor: "2" },
    { tools: [], nextCursor: "3" },
    { tools: [{ name: "c" }] },
  );
  const { listing, problem } = await listAll(ask, TOOLS);
  deepStrictEqual(listing, { offered: true, count: 3, names: ["a", "b", "c"], complete: true });
  strictEqual(problem, undefined);
  deepStrictEqual(asked, [{}, { cursor: "2" }, { cursor: "3" }]);
});

Deno.test("listAll stops at a list that never ends", async () => {
  let page = 0;
  const ask = (): Promise<Reply> =>
    Promise.resolve({
      result: { tools: [{ name: "x" }], nextCursor: String(++page) },
      message: {} as Message,
    });
  const { listing, problem } = await listAll(ask, TOOLS);
  deepStrictEqual([listing.count, listing.complete, problem], [200, false, undefined]);

  const repeats = await listAll(pages({ tools: [], nextCursor: "same" }).ask, TOOLS);
  match(repeats.problem!.message, /repeats/);
});

Deno.test("listAll says what is wrong with a list", async () => {
  const wrong: [result: Record<string, unknown>, message: RegExp][] = [
    [{}, /no list "tools"/],
    [{ tools: {} }, /no list "tools"/],
    [{ tools: [{ name: "a" }, null] }, /entry 2 has no "name"/],
    [{ tools: [{ name: 1 }] }, /entry 1 has no "name"/],
    [{ tools: [], nextCursor: 7 }, /nextCursor/],
  ];
  for (const [result, message] of wrong) {
    const { listing, problem } = await listAll(pages(result).ask, TOOLS);
    strictEqual(problem?.code, "BAD_ANSWER");
    match(problem.message, message);
    ok(!listing.complete);
  }
});
