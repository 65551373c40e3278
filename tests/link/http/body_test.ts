import { strictEqual } from "node:assert/strict";
import { encodeUtf8 } from "../../../src/jsonrpc/utf8.ts";
import { dropBody, readStart } from "../../../src/link/http/body.ts";

/** A response whose body sends these pieces, then nothing more unless it is to end or to break. */
function response(pieces: readonly string[], then: "hang" | "end" | "break", length?: number) {
  const state = { cancelled: false };
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(encodeUtf8(piece));
      if (then === "end") controller.close();
    },
    pull(controller) {
      if (then === "break") controller.error(new Error("broken"));
      return new Promise(() => {});
    },
    cancel() {
      state.cancelled = true;
    },
  });
  const headers: Record<string, string> = length === undefined ? {} : { "content-length": `${length}` };
  return { state, response: new Response(body, { headers }) };
}

const text = async (it: { response: Response }, limit: number, ms: number) =>
  new TextDecoder().decode(await readStart(it.response, limit, ms));

Deno.test("readStart gives a body that ends whole, and its beginning where it is longer than the limit", async () => {
  strictEqual(await text(response(["ab", "cd"], "end"), 10, 1000), "abcd");
  const long = response(["ab", "cd", "ef"], "end");
  strictEqual(await text(long, 3, 1000), "abc");
  strictEqual(long.state.cancelled, true);
});

Deno.test("readStart gives what has come of a body that hangs or breaks", async () => {
  const hanging = response(["ab"], "hang");
  strictEqual(await text(hanging, 10, 20), "ab");
  strictEqual(hanging.state.cancelled, true);
  strictEqual(await text(response(["ab"], "break"), 10, 1000), "ab");
});

Deno.test("readStart of no body is nothing", async () => {
  strictEqual((await readStart(new Response(null, { status: 204 }), 10, 1000)).length, 0);
});

Deno.test("dropBody reads a short rest, cancels a long one at once, and one that does not come after a second", async () => {
  const short = response(["ab"], "end", 2);
  await dropBody(short.response);
  strictEqual(short.state.cancelled, false);
  for (const length of [undefined, 1024 * 1024]) {
    const long = response(["ab"], "hang", length);
    const start = performance.now();
    await dropBody(long.response);
    strictEqual(long.state.cancelled, true);
    strictEqual(performance.now() - start < 900, true);
  }
  const hanging = response(["a"], "hang", 100);
  await dropBody(hanging.response);
  strictEqual(hanging.state.cancelled, true);
});
