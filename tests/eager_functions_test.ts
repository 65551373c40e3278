/** Functions that are compiled with their module do what they did. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { eagerFunctions } from "../scripts/eager_functions.ts";

const MODULE = `
const early = later(3), table = { b: b };
function later(n) { return n <= 1 ? 1 : n * later(n - 1) }
async function b() { return await Promise.resolve("}") }
function* c() { yield 1; yield "function x() {}" }
async function* d() { yield* c() }
function $e(a, { f } = { f: 2 }, ...g) { function h() { return f } return [a, h(), g.length, /[}"]/.test("}")] }
class I { j() { return later(4) } }
const all = [];
for await (const it of d()) all.push(it);
export const found = [early, await table.b(), all, $e(1), new I().j(), later.name, typeof K];
export function K() {}
`;

async function run(text: string): Promise<unknown> {
  return (await import(`data:text/javascript,${encodeURIComponent(text)}`)).found;
}

Deno.test("a module whose functions are compiled at once comes to the same", async () => {
  const eager = eagerFunctions(MODULE);
  match(eager, /^var later=\(function\(n\) \{/);
  match(eager, /,b=\(async function\(\) \{.*,c=\(function\*\(\) \{/s);
  deepStrictEqual(await run(eager), await run(MODULE));
});

Deno.test("a module without functions stays as it is", () => {
  const text = "const a = () => 1;\nexport { a };\n";
  strictEqual(eagerFunctions(text), text);
});
