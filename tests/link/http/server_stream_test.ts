import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { keepServerStream } from "../../../src/link/http/server_stream.ts";
import { decodeUtf8 } from "../../../src/jsonrpc/utf8.ts";
import type { HttpReply } from "../../../src/link/http/http_client.ts";
import { failure } from "../../../src/link/failure.ts";
import { collectedLog } from "../../support/collected_log.ts";

/** What the server does with one GET: an event stream with this text that then ends or breaks, a status, or nothing. */
type Step = { text: string; broken?: boolean } | { status: number; says?: string } | "unreachable" | "hang";

/** Keeps a stream at a server that does these steps, and then no more. */
async function keep(steps: readonly Step[], maxEventSize = 1000) {
  const stopped = new AbortController();
  let renewal = new AbortController();
  const asked: (string | undefined)[] = [];
  const taken: string[] = [];
  let forgotten = 0;
  const hanging = Promise.withResolvers<void>();
  const { logger, messages } = collectedLog();
  const url = new URL("http://example.com/mcp");

  function answer(step: Step | undefined, signal: AbortSignal): Promise<HttpReply> {
    if (step === undefined) {
      stopped.abort();
      return Promise.resolve({ failure: failure("SHUTTING_DOWN", "E", "over"), sent: false });
    }
    if (step === "unreachable") {
      return Promise.resolve({ failure: failure("UNREACHABLE", "E", "refused"), sent: false });
    }
    if (step === "hang") {
      hanging.resolve();
      return new Promise((resolve) => {
        signal.addEventListener(
          "abort",
          () => resolve({ failure: failure("CONNECTION_LOST", "E", "aborted"), sent: true }),
          { once: true },
        );
      });
    }
    if ("status" in step) return Promise.resolve({ response: new Response(step.says ?? "no", step), url });
    let told = false;
    const body = new ReadableStream({
      type: "bytes",
      pull(controller) {
        if (told) {
          if (step.broken) return controller.error(new Error("reset"));
          controller.close();
          return controller.byobRequest?.respond(0);
        }
        told = true;
        controller.enqueue(new TextEncoder().encode(step.text));
      },
    });
    const response = new Response(body, { headers: { "content-type": "text/event-stream" } });
    return Promise.resolve({ response, url });
  }

  const done = keepServerStream({
    open(lastEventId, signal) {
      asked.push(lastEventId);
      return answer(steps[asked.length - 1], signal);
    },
    take: (data) => void taken.push(decodeUtf8(data)),
    maxEventSize,
    signal: stopped.signal,
    renewed: () => renewal.signal,
    async isForgotten(response) {
      const text = await response.text();
      return response.status === 404 || text === "session not found";
    },
    forgotten: () => forgotten++,
    reopenMs: 1,
    endpoint: "E",
    logger,
  });
  if (steps.includes("hang")) {
    await hanging.promise;
    renewal.abort();
    renewal = new AbortController();
  }
  await done;
  return { asked, taken, forgotten, messages };
}

Deno.test("a server without a stream of its own is asked once, and has not forgotten the session", async () => {
  for (const status of [404, 405, 400, 401, 403, 406]) {
    const { asked, forgotten } = await keep([{ status }]);
    deepStrictEqual([asked.length, forgotten], [1, 0], String(status));
  }
});

Deno.test("a 404 where there was a stream means that the server has forgotten the session", async () => {
  const { asked, forgotten } = await keep([{ text: "data: a\n\n" }, { status: 404 }]);
  deepStrictEqual([asked.length, forgotten], [2, 1]);
});

Deno.test("so does another refusal there that says so, and none that doesn't", async () => {
  const open: Step = { text: "data: a\n\n" };
  for (
    const [step, expected] of [
      [{ status: 400, says: "session not found" }, 1],
      [{ status: 500, says: "session not found" }, 1],
      [{ status: 400 }, 0],
      [{ status: 401 }, 0],
    ] as const
  ) {
    const { asked, forgotten } = await keep([open, step]);
    deepStrictEqual([asked.length, forgotten], [2, expected], JSON.stringify(step));
  }
});

Deno.test("a stream that ends, breaks, is refused for now or can't be had is opened again where it was", async () => {
  const { asked, taken, forgotten } = await keep([
    { text: "id: 1\ndata: a\n\n" },
    "unreachable",
    { status: 503 },
    { status: 429 },
    { text: "id: 2\ndata: b\n\n", broken: true },
    { text: "data: c\n\n" },
  ]);
  deepStrictEqual(taken, ["a", "b", "c"]);
  deepStrictEqual(asked, [undefined, "1", "1", "1", "1", "2", "2"]);
  strictEqual(forgotten, 0);
});

Deno.test("what a server repeats on its reopened stream reaches the client once", async () => {
  const { taken } = await keep([
    { text: "id: 1\ndata: a\n\nid: 2\ndata: b\n\n", broken: true },
    { text: "id: 2\ndata: b\n\nid: 3\ndata: c\n\n" },
  ]);
  deepStrictEqual(taken, ["a", "b", "c"]);
});

Deno.test("an event that is too large is not asked for again", async () => {
  const { asked, taken, messages } = await keep([
    { text: `id: 1\ndata: a\n\nid: 2\ndata: ${"b".repeat(100)}\n\n` },
    { text: "data: c\n\n" },
  ], 50);
  deepStrictEqual([asked, taken], [[undefined, undefined, undefined], ["a", "c"]]);
  ok(messages("warn").some((it) => it.includes("--max-message-size")));
});

Deno.test("a stream that is not to be trusted is given up and opened anew at once", async () => {
  const { asked, taken } = await keep([{ text: "id: 1\ndata: a\n\n" }, "hang", { text: "data: b\n\n" }]);
  deepStrictEqual([asked, taken], [[undefined, "1", "1", "1"], ["a", "b"]]);
});
