import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { readEvents } from "../../../src/link/http/event_stream.ts";
import { EventTooLarge, SseDecoder } from "../../../src/link/http/sse_decoder.ts";
import { collectedLog } from "../../support/collected_log.ts";
import { assembled, type Chopped, chopped } from "../../support/generators.ts";

const encoder = new TextEncoder();

/** Bytes as characters, each byte one. */
const binary = (bytes: Uint8Array) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
const bytesOf = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));

/** Everything a stream told: its events, data as characters of one byte each. */
interface Heard {
  readonly events: { type: string; data: string }[];
  readonly lastEventId: string | undefined;
  readonly retryMs: number | undefined;
}

/** Feeds all chunks through one and the same buffer. */
function decode(chunks: readonly Uint8Array[], limit = 1_000_000): Heard {
  const decoder = new SseDecoder(limit);
  const buffer = new Uint8Array(Math.max(0, ...chunks.map((chunk) => chunk.length)));
  const events: Heard["events"] = [];
  const found = [];
  for (const chunk of chunks) {
    buffer.fill(0x0a);
    buffer.set(chunk);
    found.push(...decoder.push(buffer.subarray(0, chunk.length)));
  }
  buffer.fill(0x23);
  for (const { type, data } of found) events.push({ type, data: binary(data) });
  return { events, lastEventId: decoder.lastEventId, retryMs: decoder.retryMs };
}

/** The rules of WHATWG HTML, section 9.2.6, on a whole stream; empty events are left out. */
function interpret(bytes: Uint8Array): Heard {
  const events: Heard["events"] = [];
  const utf8 = (text: string) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytesOf(text));
  let [data, type, id]: [string, string, string | undefined] = ["", "", undefined];
  let lastEventId: string | undefined;
  let retryMs: number | undefined;
  const lines = binary(bytes).replace(/^\xef\xbb\xbf/, "").split(/\r\n|\r|\n/);
  for (const line of lines.slice(0, -1)) {
    if (line === "") {
      lastEventId = id ?? lastEventId;
      if (data.length > 1) events.push({ type: type || "message", data: data.slice(0, -1) });
      [data, type] = ["", ""];
      continue;
    }
    const [, field, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!;
    if (field === "data") data += `${value}\n`;
    else if (field === "event") type = utf8(value);
    else if (field === "id" && !value.includes("\0")) id = utf8(value);
    else if (field === "retry" && /^\d{1,9}$/.test(value)) retryMs = Number(value);
  }
  return { events, lastEventId, retryMs };
}

/** The same from an independent parser. */
function oracle({ bytes }: Chopped): Heard {
  const events: Heard["events"] = [];
  let lastEventId: string | undefined;
  let retryMs: number | undefined;
  const parser = createParser({
    onEvent: ({ event, data }) => data !== "" && events.push({ type: event ?? "message", data }),
    onId: (id) => lastEventId = id,
    onRetry: (ms) => retryMs = ms,
  });
  parser.feed(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
  return { events, lastEventId, retryMs };
}

const pieces = [
  "\n",
  "\r",
  "\r\n",
  "\n\n",
  "\r\n\r\n",
  "data: ",
  "data:",
  "data",
  "event: ",
  "event:ping",
  "id: ",
  "id:7",
  "id",
  "retry: 15",
  "retry:",
  "retry: x",
  "retry: 0010",
  ": a comment",
  ":",
  "dat",
  "datax: ",
  "Data: ",
  "unknown: ",
  "{}",
  "a",
  " ",
  "é",
  "🐟",
  "\0",
  "\ufeff",
];

const lines = [
  "data: a",
  "data:{}",
  "data: é🐟",
  "data",
  "data:",
  "event: x",
  "event:",
  "id: 1",
  "id: é",
  "id",
  "retry: 15",
  ": a comment",
  "datax: a",
];

/** Streams that are mostly right. */
const stream = fc.array(
  fc.tuple(
    fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...lines) }, { weight: 2, arbitrary: fc.constant("") }),
    fc.constantFrom("\n", "\n", "\r\n", "\r"),
  ),
  { maxLength: 16 },
).map((lines) => encoder.encode(lines.flat().join("")));

const text = chopped(
  fc.oneof({ weight: 3, arbitrary: stream }, { weight: 2, arbitrary: assembled(pieces, 40) }),
);

Deno.test("SseDecoder hears what eventsource-parser hears, however the stream is chopped", () => {
  let events = 0;
  fc.assert(
    fc.property(text, (it) => {
      const heard = decode(it.chunks);
      events += heard.events.length;
      const decoded = heard.events.map(({ type, data }) => ({
        type,
        data: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytesOf(data)),
      }));
      deepStrictEqual({ ...heard, events: decoded }, oracle(it));
    }),
    { numRuns: 3000 },
  );
  ok(events > 300, `only ${events} events`);
});

Deno.test("SseDecoder follows the standard on any bytes, and leaves invalid UTF-8 in data as it is", () => {
  const anything = assembled([...pieces, [0xff], [0xc3], [0xe2, 0x82], [0xef, 0xbb]], 40);
  const noise = fc.uint8Array({ maxLength: 60 }).map((bytes) => new Uint8Array(bytes));
  fc.assert(
    fc.property(
      chopped(fc.oneof({ weight: 4, arbitrary: anything }, { weight: 1, arbitrary: noise })),
      (it) => {
        deepStrictEqual(decode(it.chunks), interpret(it.bytes));
      },
    ),
    { numRuns: 3000 },
  );
});

const TABLE: [what: string, stream: string, heard: Partial<Heard>][] = [
  ["a plain event", "data: a\n\n", { events: [{ type: "message", data: "a" }] }],
  ["no space after the colon, and only one is dropped", "data:a\n\ndata:  b\n\n", {
    events: [{ type: "message", data: "a" }, { type: "message", data: " b" }],
  }],
  ["data of several lines", "data: a\ndata\ndata: b\n\n", { events: [{ type: "message", data: "a\n\nb" }] }],
  ["a named event, once", "event: x\ndata: a\n\ndata: b\n\n", {
    events: [{ type: "x", data: "a" }, { type: "message", data: "b" }],
  }],
  ["a name that is dropped with an empty event", "event: x\n\ndata: b\n\n", {
    events: [{ type: "message", data: "b" }],
  }],
  ["no event without its blank line", "data: a\n", { events: [] }],
  ["no event without data", "event: x\n\ndata\n\ndata: \n\n", { events: [] }],
  ["an event of blank lines", "data\ndata\n\n", { events: [{ type: "message", data: "\n" }] }],
  ["an id that stays", "id: 1\ndata: a\n\ndata: b\n\n", { lastEventId: "1" }],
  ["an id without data, which primes the stream", "id: 1\ndata:\n\n", { events: [], lastEventId: "1" }],
  ["no id before its event is over", "id: 1\n\nid: 2\ndata: a\n", { lastEventId: "1" }],
  ["no id with a NUL in it", "id: 1\n\nid: 2\0\n\n", { lastEventId: "1" }],
  ["an id taken back", "id: 1\n\nid\n\n", { lastEventId: "" }],
  ["the time to wait", "retry: 250\n", { retryMs: 250 }],
  [
    "no time that is no number, or too long for one",
    "retry: 2s\nretry: -1\nretry: 1e3\nretry:\nretry: 9999999999\n",
    {
      retryMs: undefined,
    },
  ],
  ["fields by their exact name", "Data: a\ndata : b\n data: c\ndatas: d\n\n", { events: [] }],
  ["a byte order mark at the start, once", "\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", {
    events: [{ type: "message", data: "a" }],
  }],
];

for (const [what, stream, heard] of TABLE) {
  Deno.test(`SseDecoder hears ${what}, at any cut`, () => {
    const bytes = bytesOf(stream);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const all = decode([bytes.slice(0, cut), bytes.slice(cut)]);
      for (const [name, value] of Object.entries(heard)) {
        deepStrictEqual(all[name as keyof Heard], value, `${name}, cut at ${cut}`);
      }
    }
    const model = interpret(bytes);
    deepStrictEqual(model, { ...model, ...heard });
  });
}

Deno.test("SseDecoder ends lines at LF, CR and CRLF alike, and takes a CRLF for one line end across chunks", () => {
  for (const end of ["\n", "\r", "\r\n"]) {
    const bytes = encoder.encode(["data: a", "data: b", "", "data: c", "", ""].join(end));
    for (let cut = 0; cut <= bytes.length; cut++) {
      // An empty chunk between them changes nothing.
      const { events } = decode([bytes.slice(0, cut), new Uint8Array(0), bytes.slice(cut)]);
      deepStrictEqual(events.map(({ data }) => data), ["a\nb", "c"], `${JSON.stringify(end)} cut at ${cut}`);
    }
  }
});

Deno.test("SseDecoder gives an event as soon as its blank line is there, and waits for no LF after a CR", () => {
  const decoder = new SseDecoder(100);
  deepStrictEqual(decoder.push(encoder.encode("data: a\r\n")), []);
  strictEqual(decoder.push(encoder.encode("\r")).length, 1);
  strictEqual(decoder.push(encoder.encode("\ndata: b\r\r")).length, 1);
});

/** Whether a stream is refused as too large, chopped at `cut`. */
function refused(bytes: Uint8Array, cut: number, limit: number): boolean {
  try {
    decode([bytes.slice(0, cut), bytes.slice(cut)], limit);
    return false;
  } catch (error) {
    if (!(error instanceof EventTooLarge)) throw error;
    return true;
  }
}

Deno.test("SseDecoder takes an event of exactly the limit and refuses one byte more, at any cut", () => {
  const limit = 12;
  const shapes: [what: string, stream: (data: string) => string][] = [
    ["one line", (data) => `data: ${data}\n\n`],
    ["no space", (data) => `data:${data}\n\n`],
    ["after a byte order mark", (data) => `\ufeffdata: ${data}\n\n`],
    ["CRLF", (data) => `data: ${data}\r\n\r\n`],
    ["two lines", (data) => `data: ${data.slice(0, 4)}\ndata: ${data.slice(5)}\n\n`],
    ["two lines without spaces", (data) => `data:${data.slice(0, 4)}\ndata:${data.slice(5)}\n\n`],
    ["other fields around it", (data) => `id: 123456\nevent: abc\ndata: ${data}\nid: 1234567\n\n`],
    ["after another event", (data) => `data: ${"y".repeat(limit)}\n\ndata: ${data}\n\n`],
  ];
  for (const [what, stream] of shapes) {
    for (const length of [limit - 1, limit, limit + 1]) {
      const bytes = encoder.encode(stream("x".repeat(length)));
      for (let cut = 0; cut <= bytes.length; cut++) {
        strictEqual(refused(bytes, cut, limit), length > limit, `${what}: ${length} bytes, cut at ${cut}`);
      }
    }
  }
});

Deno.test("SseDecoder refuses lines that never end, whatever they are", () => {
  for (const start of ["data: ", ": ", "id: ", "unknown"]) {
    const decoder = new SseDecoder(100);
    decoder.push(encoder.encode(start));
    throws(() => {
      for (let i = 0; i < 20; i++) decoder.push(encoder.encode("0123456789"));
    }, EventTooLarge);
  }
});

Deno.test("SseDecoder's data is the taker's own", () => {
  const decoder = new SseDecoder(100);
  const chunk = encoder.encode("data: abc\n\ndata: d");
  const [event] = decoder.push(chunk);
  chunk.fill(0);
  decoder.push(encoder.encode("ef\n\n"));
  strictEqual(binary(event!.data), "abc");
});

Deno.test("readEvents takes the events before one that is too large, even of the same chunk", async () => {
  const taken: string[] = [];
  const body = new ReadableStream({
    type: "bytes",
    start(controller) {
      controller.enqueue(encoder.encode("data: answer\n\ndata: 0123456789\n\n"));
      controller.close();
    },
  });
  const end = await readEvents(
    new Response(body),
    8,
    (event) => void taken.push(binary(event.data)),
    collectedLog().logger,
  );
  ok(end.error instanceof EventTooLarge, String(end.error));
  deepStrictEqual(taken, ["answer"]);
});
