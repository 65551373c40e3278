/** What is seen of a response before the program is loaded, and that it reads the same as if nobody had looked. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { readBody } from "../../src/link/http/body.ts";
import { lookInto } from "../../src/start/look_into.ts";

const encoder = new TextEncoder();

const RESULT = { protocolVersion: "2025-11-25", capabilities: {}, serverInfo: { name: "s", version: "1" } };
const ANSWER = JSON.stringify({ result: RESULT, jsonrpc: "2.0", id: 1 });
const pretty = JSON.stringify(JSON.parse(ANSWER), undefined, 2);
const answerOf = (more: Record<string, unknown>) => JSON.stringify({ jsonrpc: "2.0", id: 1, ...more });

interface Case {
  readonly type?: string;
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body: string;
  readonly seen?: string;
}

const json = (body: string, seen?: string): Case => ({ body, ...(seen !== undefined && { seen }) });
const sse = (body: string, seen?: string): Case => ({ ...json(body, seen), type: "text/event-stream" });
const event = (data: string) => `event: message\ndata: ${data}\n\n`;
const note = '{"jsonrpc":"2.0","method":"notifications/message","params":{}}';

const TABLE: Readonly<Record<string, Case>> = {
  "an answer": json(ANSWER, ANSWER),
  "an answer of several lines": json(pretty, pretty.replaceAll("\n", " ")),
  "an answer behind a byte order mark": json(`\ufeff${ANSWER}`, ANSWER),
  "an answer with a type of parameters": { ...json(ANSWER, ANSWER), type: "Application/JSON; charset=utf-8" },
  "a revision of the modern era": json(
    answerOf({ result: { ...RESULT, protocolVersion: "2026-07-28" } }),
  ),
  "a revision that is none": json(answerOf({ result: { ...RESULT, protocolVersion: "1" } })),
  "no revision": json(answerOf({ result: {} })),
  "an error": json(answerOf({ error: { code: -32600, message: "no" } })),
  "another's answer": json(answerOf({ id: 2, result: RESULT })),
  "an answer with its id as a string": json(answerOf({ id: "1", result: RESULT })),
  "a batch": json(`[${ANSWER}]`),
  "what is no JSON": json("{"),
  "what is no UTF-8": json(`${ANSWER.slice(0, -1)},"x":"\udc80"}`, `${ANSWER.slice(0, -1)},"x":"\ufffd"}`),
  "an empty body": json(""),
  "a page": { ...json("<html>"), type: "text/html" },
  "an answer with no type": { ...json(ANSWER), type: "" },
  "an answer that says that it failed": { ...json(ANSWER), status: 500 },
  "an answer that is only taken": { ...json(ANSWER), status: 202 },
  "a long answer": json(
    answerOf({ result: { ...RESULT, instructions: "a".repeat(70_000) } }),
  ),
  "a stream": sse(event(ANSWER), ANSWER),
  "a stream with an event to go on from": sse(`id: 7\ndata: \n\n${event(ANSWER)}`, ANSWER),
  "a stream with comments": sse(`: hello\n\n${event(ANSWER)}${event(note)}`, ANSWER),
  "a stream with something before the answer": sse(event(note) + event(ANSWER)),
  "a stream with another event first": sse(`event: endpoint\ndata: /a\n\n${event(ANSWER)}`),
  "a stream of comments": sse(": hello\n".repeat(10_000) + event(ANSWER)),
  "a stream that ends early": sse(`data: ${ANSWER}`),
  "a stream with an event that is too large": sse(event("a".repeat(70_000))),
};

/** A response whose body comes in pieces of a size. */
function responseOf(
  { type = "application/json", status = 200, headers, body }: Case,
  size: number,
): Response {
  const bytes = encoder.encode(body);
  let from = 0;
  const stream = new ReadableStream({
    type: "bytes",
    pull(controller) {
      if (from < bytes.length) return controller.enqueue(bytes.slice(from, from += size));
      controller.close();
      controller.byobRequest?.respond(0);
    },
  });
  return new Response(stream, { status, headers: { "content-type": type, ...headers } });
}

for (const [what, given] of Object.entries(TABLE)) {
  Deno.test(`lookInto and ${what}`, async () => {
    const announced = { ...given, headers: { "content-length": `${encoder.encode(given.body).length}` } };
    for (const it of [given, announced]) {
      for (const size of given.body.length > 10_000 ? [999] : [1, 7, 1_000_000]) {
        const headers = { "x-a": "1", "mcp-session-id": "s", ...it.headers };
        const response = responseOf({ ...it, headers }, size);
        const look = await lookInto(response, "1");
        strictEqual(look.answer?.text, given.seen);
        const whole = look.whole();
        deepStrictEqual([...whole.headers], [...responseOf({ ...it, headers }, size).headers]);
        strictEqual(whole.status, it.status ?? 200);
        // As the program reads it.
        deepStrictEqual(await readBody(whole, 1_000_000), encoder.encode(given.body));
      }
    }
  });
}

Deno.test("lookInto keeps each cookie", async () => {
  const headers: [string, string][] = [
    ["content-type", "application/json"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
  ];
  const look = await lookInto(new Response(ANSWER, { headers }), "1");
  strictEqual(look.answer?.text, ANSWER);
  deepStrictEqual(look.whole().headers.getSetCookie(), ["a=1", "b=2"]);
});

for (const type of ["application/json", "text/event-stream"]) {
  for (const length of [undefined, "1000"]) {
    Deno.test(`lookInto leaves a body that breaks to the reader (${type}, ${length} announced)`, async () => {
      let pulls = 0;
      const stream = new ReadableStream({
        type: "bytes",
        pull(controller) {
          if (pulls++ > 0) controller.error(new Error("broken"));
          else controller.enqueue(encoder.encode("data: {"));
        },
      });
      const headers = { "content-type": type, ...(length !== undefined && { "content-length": length }) };
      const look = await lookInto(new Response(stream, { headers }), "1");
      strictEqual(look.answer, undefined);
      const error = await look.whole().bytes().catch((error: Error) => error);
      strictEqual((error as Error).message, "broken");
    });
  }
}

Deno.test("lookInto lets go of a body that its reader lets go of", async () => {
  const cancelled = Promise.withResolvers<unknown>();
  const stream = new ReadableStream({
    type: "bytes",
    start: (controller) => controller.enqueue(encoder.encode(event(ANSWER))),
    cancel: cancelled.resolve,
  });
  const look = await lookInto(
    new Response(stream, { headers: { "content-type": "text/event-stream" } }),
    "1",
  );
  strictEqual(look.answer?.text, ANSWER);
  await look.whole().body!.cancel("enough");
  strictEqual(await cancelled.promise, "enough");
});

Deno.test("lookInto finds the same answer however a stream comes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 400 }),
      fc.constantFrom("\n", "\r\n", "\r"),
      fc.array(fc.constantFrom(": x", "retry: 5", "id: 3", "event: message"), { maxLength: 4 }),
      async (size, lineBreak, fields) => {
        const lines = [...fields, `data: ${ANSWER}`, "", ""];
        const look = await lookInto(responseOf(sse(lines.join(lineBreak)), size), "1");
        strictEqual(look.answer?.text, ANSWER);
      },
    ),
    { numRuns: 200 },
  );
});
