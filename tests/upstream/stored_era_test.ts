import { deepStrictEqual, notStrictEqual, ok, strictEqual } from "node:assert/strict";
import { newEraMemory } from "../../src/link/era/era_memory.ts";
import { parseEndpoint } from "../../src/link/parse_endpoint.ts";
import { readEntry } from "../../src/store/read_entry.ts";
import { writeEntry } from "../../src/store/write_entry.ts";
import { createEraNotes } from "../../src/upstream/era_notes.ts";
import { isWorthStoring, openStoredEra, readVerdict, VERDICT_MS } from "../../src/upstream/stored_era.ts";
import { verdictKey } from "../../src/upstream/verdict_key.ts";
import { collectedLog } from "../support/collected_log.ts";

const NOW = Date.parse("2026-08-01T12:00:00Z");
const ago = (ms: number) => new Date(NOW - ms).toISOString();
const HOUR = 60 * 60 * 1000;

const READ: [value: unknown, verdict: unknown][] = [
  [{ legacy: false, modern: true, time: ago(HOUR) }, { legacy: false, modern: true, at: NOW - HOUR }],
  [{ modern: false, time: ago(0) }, { legacy: undefined, modern: false, at: NOW }],
  [{ legacy: "yes", modern: 1, time: ago(0) }, { legacy: undefined, modern: undefined, at: NOW }],
  [{ legacy: true, modern: true, time: ago(VERDICT_MS - 1) }, {
    legacy: true,
    modern: true,
    at: NOW - VERDICT_MS + 1,
  }],
  [{ legacy: true, modern: true, time: ago(VERDICT_MS) }, undefined],
  [{ modern: true, time: ago(-HOUR) }, { legacy: undefined, modern: true, at: NOW + HOUR }],
  [{ modern: true, time: ago(-25 * HOUR) }, undefined],
  [{ modern: true, time: "soon" }, undefined],
  [{ modern: true, time: NOW }, undefined],
  [{ modern: true }, undefined],
  [null, undefined],
  [undefined, undefined],
  [[], undefined],
  ["modern", undefined],
];
for (const [value, verdict] of READ) {
  Deno.test(`readVerdict takes ${JSON.stringify(value)} for ${JSON.stringify(verdict)}`, () => {
    deepStrictEqual(readVerdict(value, NOW), verdict);
  });
}

const memory = (legacy?: boolean, modern?: boolean) => ({ legacy, modern });
const stored = (age: number, legacy?: boolean, modern?: boolean) => ({ legacy, modern, at: NOW - age });
const WORTH: [
  known: ReturnType<typeof memory>,
  before: ReturnType<typeof stored> | undefined,
  worth: boolean,
][] = [
  [memory(), undefined, false],
  [memory(true), undefined, false],
  [memory(false, true), undefined, true],
  [memory(true, false), undefined, true],
  [memory(undefined, true), undefined, true],
  [memory(false, true), stored(HOUR, false, true), false],
  [memory(false, true), stored(25 * HOUR, false, true), true],
  [memory(true, false), stored(HOUR, false, true), true],
  [memory(true, true), stored(HOUR, false, true), true],
];
for (const [known, before, worth] of WORTH) {
  const title = `${JSON.stringify(known)} is ${worth ? "" : "not "}worth storing after ${
    JSON.stringify(before)
  }`;
  Deno.test(title, () => strictEqual(isWorthStoring(known, before, NOW), worth));
}

Deno.test("An endpoint's key tells it apart, and has no credentials and no query", () => {
  const key = (text: string, cwd = "/work") => verdictKey(parseEndpoint(text, "posix"), cwd);
  strictEqual(key("https://Example.com:443/mcp?key=abc#x"), "https://example.com/mcp");
  notStrictEqual(key("https://example.com/mcp"), key("https://example.com/mcp/"));
  notStrictEqual(key("https://example.com/mcp"), key("http://example.com/mcp"));
  strictEqual(key("tcp://localhost:9000"), key("localhost:9000", "/other"));
  notStrictEqual(key("node server.js"), key("node server.js", "/other"));
  notStrictEqual(key("node 'server.js a'"), key("node server.js a"));
  strictEqual(key("unix:/a.sock"), key("unix:/a.sock", "/other"));
  notStrictEqual(key("unix:a.sock"), key("unix:a.sock", "/other"));
});

/** A store of the test's own, and an endpoint's place in it. */
async function scratch() {
  const directory = await Deno.makeTempDir();
  const endpoint = parseEndpoint("https://example.com/mcp", "posix");
  const { logger, messages } = collectedLog();
  const place = { directory, kind: "verdicts", key: "https://example.com/mcp" };
  return {
    directory,
    endpoint,
    logger,
    messages,
    options: { directory, kind: "verdicts", endpoint, logger },
    read: () => readEntry(place),
    write: (value: unknown) => writeEntry(place, value),
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

Deno.test("What is noted is written in the background, and known the next time", async () => {
  await using it = await scratch();
  const first = newEraMemory(() => kept.noted());
  const kept = await openStoredEra({ ...it.options, memory: first, delayMs: 1 });
  first.modern = true;
  first.legacy = false;
  while (await it.read() === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
  const { time, ...verdict } = await it.read() as Record<string, unknown>;
  deepStrictEqual(verdict, { legacy: false, modern: true });
  ok(Math.abs(Date.parse(String(time)) - Date.now()) < 60_000);
  await kept.close();

  const second = newEraMemory();
  await (await openStoredEra({ ...it.options, memory: second })).close();
  deepStrictEqual({ ...second }, { legacy: false, modern: true });
  const later = newEraMemory();
  const now = () => Date.now() + VERDICT_MS;
  await (await openStoredEra({ ...it.options, memory: later, now })).close();
  deepStrictEqual({ ...later }, { legacy: undefined, modern: undefined });
});

Deno.test("What waits when the program ends is written then; what is as it was is not", async () => {
  await using it = await scratch();
  const memory = newEraMemory(() => kept.noted());
  let kept = await openStoredEra({ ...it.options, memory });
  memory.modern = false;
  await kept.close();
  strictEqual((await it.read() as Record<string, unknown>).modern, false);
  const path = `${it.directory}/verdicts/${[...Deno.readDirSync(`${it.directory}/verdicts`)][0]!.name}`;
  await Deno.writeTextFile(path, "damaged");
  memory.modern = false;
  await kept.close();
  strictEqual(await Deno.readTextFile(path), "damaged");
  kept = await openStoredEra({ ...it.options, memory });
  memory.modern = false;
  await kept.close();
  strictEqual((await it.read() as Record<string, unknown>).modern, false);
});

Deno.test("What has been found out already is not replaced by what was stored", async () => {
  await using it = await scratch();
  await it.write({ legacy: false, modern: true, time: new Date().toISOString() });
  const memory = { legacy: true, modern: false };
  await (await openStoredEra({ ...it.options, memory })).close();
  deepStrictEqual(memory, { legacy: true, modern: false });
});

Deno.test("A store that can't be used is a line in the debug log", async () => {
  await using it = await scratch();
  const file = `${it.directory}/file`;
  await Deno.writeTextFile(file, "");
  const memory = newEraMemory(() => kept.noted());
  const kept = await openStoredEra({ ...it.options, directory: file, memory });
  memory.modern = true;
  await kept.close();
  deepStrictEqual(it.messages("debug"), ["the store can't be read", "the store can't be written"]);
  strictEqual(it.messages("warn").length, 0);
});

Deno.test("createEraNotes keeps one note an endpoint, and makes no directory for nothing", async () => {
  await using it = await scratch();
  const store = `${it.directory}/store`;
  const notes = createEraNotes({ store, logger: it.logger });
  const note = notes.of(it.endpoint);
  strictEqual(notes.of(it.endpoint), note);
  await note.ready;
  note.memory.legacy = true;
  await notes.close();
  strictEqual([...Deno.readDirSync(it.directory)].length, 0);
  note.memory.modern = true;
  await notes.close();
  const next = createEraNotes({ store, logger: it.logger });
  const again = next.of(it.endpoint);
  await again.ready;
  deepStrictEqual({ ...again.memory }, { legacy: true, modern: true });
  await next.close();
  const without = createEraNotes({ logger: it.logger });
  without.of(it.endpoint).memory.modern = true;
  await without.of(it.endpoint).ready;
  await without.close();
});
