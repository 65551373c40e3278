import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { hash } from "../../../src/balance/policies/hash.ts";
import { hashText } from "../../../src/balance/policies/hash_text.ts";
import { alike, anyPool, countChoices, type TestUpstream, viewOf } from "./view_of.ts";

const KEYS = Array.from({ length: 20_000 }, (_, i) => hashText(`tools/call ${i}`));

/** Where each key goes, by name. */
function places(pool: readonly TestUpstream[]): string[] {
  const view = viewOf(pool);
  return KEYS.map((key) => pool[hash(view, key)]!.name!);
}

function named(count: number, upstream: TestUpstream = {}): TestUpstream[] {
  return Array.from({ length: count }, (_, i) => ({ ...upstream, name: `http://10.0.0.${i}:8080/mcp` }));
}

Deno.test("hash gives each of ten upstreams a tenth of the keys", () => {
  const view = viewOf(alike(10));
  const counts = countChoices(10, KEYS.length, (i) => hash(view, KEYS[i]!));
  for (const count of counts) ok(Math.abs(count - 2000) < 200, `${counts}`);
});

Deno.test("hash scatters keys that are no hashes themselves", () => {
  const view = viewOf(alike(10));
  const counts = countChoices(10, 20_000, (i) => hash(view, i));
  for (const count of counts) ok(Math.abs(count - 2000) < 200, `${counts}`);
});

Deno.test("hash gives keys by weight and share", () => {
  const view = viewOf([{ weight: 3 }, {}, { weight: 5, share: 0.2 }, { weight: 0.5 }, { weight: 4.5 }]);
  const counts = countChoices(5, KEYS.length, (i) => hash(view, KEYS[i]!));
  for (const [i, part] of [3, 1, 1, 0.5, 4.5].entries()) {
    ok(Math.abs(counts[i]! - KEYS.length * part / 10) < 200, `${counts}`);
  }
});

Deno.test("hash moves only the keys of who is away", () => {
  const pool = named(12, { weight: 2 }).map((upstream, i) => ({ ...upstream, weight: 1 + i % 3 }));
  const before = places(pool);
  const after = places(pool.map((upstream, i) => i === 4 ? { ...upstream, away: true } : upstream));
  for (const [i, place] of before.entries()) {
    if (place === pool[4]!.name) ok(after[i] !== place);
    else strictEqual(after[i], place);
  }
});

Deno.test("hash moves keys only to who comes, in whatever place of the list", () => {
  const pool = named(6);
  const before = places(pool);
  const come = { name: "http://new:8080/mcp" };
  const after = places([...pool.slice(3).reverse(), come, ...pool.slice(0, 3)]);
  let moved = 0;
  for (const [i, place] of before.entries()) {
    if (after[i] === place) continue;
    strictEqual(after[i], come.name);
    moved++;
  }
  ok(Math.abs(moved - KEYS.length / 7) < 200, `${moved}`);
});

Deno.test("hash brings keys back little by little, and each once", () => {
  const pool = named(5);
  let last = places(pool.map((upstream, i) => i === 0 ? { ...upstream, away: true } : upstream));
  let back = 0;
  for (const share of [0.1, 0.3, 0.6, 1]) {
    const now = places(pool.map((upstream, i) => i === 0 ? { ...upstream, share } : upstream));
    for (const [i, place] of now.entries()) if (place !== last[i]) strictEqual(place, pool[0]!.name);
    const here = now.filter((place) => place === pool[0]!.name).length;
    ok(here > back);
    [last, back] = [now, here];
  }
});

Deno.test("hash chooses an available upstream, always the same, or says that there is none", () => {
  fc.assert(fc.property(anyPool(), fc.integer(), (pool, key) => {
    const view = viewOf(pool);
    const index = hash(view, key);
    strictEqual(hash(view, key), index);
    if (view.availableCount === 0) strictEqual(index, -1);
    else strictEqual(view.isAvailable[index], 1);
  }));
});

Deno.test("texts that differ in one character share no bits", () => {
  let bits = 0;
  for (let i = 0; i < 1000; i++) {
    let differing = hashText(`tool-${i}`) ^ hashText(`tool-${i + 1}`);
    for (; differing !== 0; differing &= differing - 1) bits++;
  }
  ok(Math.abs(bits / 1000 - 16) < 0.5, `${bits / 1000}`);
  strictEqual(new Set(KEYS).size, KEYS.length);
  strictEqual(hashText(""), hashText(""));
});
