import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { ByteRope } from "../../src/jsonrpc/byte_rope.ts";

Deno.test("ByteRope gives back what was put in, in pieces of any size, whatever became of them", () => {
  const piece = fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 40_000 }));
  const round = fc.tuple(
    fc.array(piece, { maxLength: 6 }),
    fc.option(fc.nat({ max: 60_000 }), { nil: undefined }),
  );
  fc.assert(
    fc.property(fc.array(round, { minLength: 1, maxLength: 4 }), (rounds) => {
      const rope = new ByteRope();
      let byte = 0;
      for (const [sizes, taken] of rounds) {
        const whole: number[] = [];
        for (const size of sizes) {
          const bytes = new Uint8Array(size).map(() => byte = (byte * 31 + 7) % 256);
          whole.push(...bytes);
          rope.append(bytes);
          bytes.fill(0);
          strictEqual(rope.length, whole.length);
        }
        const out = rope.take(taken);
        deepStrictEqual(out, new Uint8Array(whole.slice(0, taken)));
        strictEqual(rope.length, 0);
        strictEqual(rope.take().length, 0);
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("ByteRope's bytes are the taker's own", () => {
  const rope = new ByteRope();
  rope.append(new Uint8Array([1, 2, 3]));
  const first = rope.take();
  rope.append(new Uint8Array([4, 5, 6]));
  deepStrictEqual(first, new Uint8Array([1, 2, 3]));
  rope.clear();
  strictEqual(rope.length, 0);
});
