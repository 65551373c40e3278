import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { isDrained, namesIn, watchDrainFile } from "../../../src/balance/sources/drain_file.ts";
import { parseUpstream } from "../../../src/link/parse_upstream.ts";
import { collectedLog } from "../../support/collected_log.ts";
import { until } from "../../support/until.ts";
import { told } from "./told.ts";

const MATCHES: [line: string, upstream: string, address: string | undefined, drained: boolean][] = [
  ["https://a.example/mcp", "https://a.example/mcp", undefined, true],
  ["https://A.example:443/mcp;weight=2", "https://a.example/mcp", undefined, true],
  ["https://a.example/mcp?…", "https://a.example/mcp?key=secret", undefined, true],
  ["https://a.example/mcp?key=secret", "https://a.example/mcp?key=secret", undefined, true],
  ["https://a.example/other", "https://a.example/mcp", undefined, false],
  ["a:1", "tcp://a:1", undefined, true],
  ["tcp://a:1", "a:1", undefined, true],
  ["node  server.js", "node server.js", undefined, true],
  ["dns+https://a.example/mcp", "https://a.example/mcp", "10.0.0.1", true],
  ["https://a.example/mcp", "https://a.example/mcp", "10.0.0.1", true],
  ["https://a.example/mcp at 10.0.0.1:443", "https://a.example/mcp", "10.0.0.1", true],
  ["https://a.example/mcp at 10.0.0.1:443", "https://a.example/mcp", "10.0.0.2", false],
  ["10.0.0.1:443", "https://a.example/mcp", "10.0.0.1", true],
  ["10.0.0.1:443", "https://a.example/mcp", "10.0.0.2", false],
  ["# a:1", "a:1", undefined, false],
];

for (const [line, text, hostname, drained] of MATCHES) {
  const place = hostname === undefined ? text : `${text} at ${hostname}`;
  Deno.test(`the line ${line} ${drained ? "drains" : "does not drain"} ${place}`, () => {
    const { endpoint } = parseUpstream(text, "posix");
    const address = hostname === undefined ? {} : { address: { hostname, port: 443 } };
    strictEqual(isDrained(namesIn(`\n${line}\r\n`), { endpoint, ...address }), drained);
  });
}

Deno.test("a drain file that is not there drains nobody; each change of it is told once", async () => {
  const directory = await Deno.makeTempDir();
  const over = new AbortController();
  let ended: Promise<void> | undefined;
  try {
    const path = `${directory}/drained`;
    const write = async (text: string) => {
      await Deno.writeTextFile(`${path}.new`, text);
      await Deno.rename(`${path}.new`, path);
    };
    const names = told<string[]>();
    const log = collectedLog();
    const watched = watchDrainFile({
      path,
      logger: log.logger,
      changed: (it) => names.tell([...it]),
      signal: over.signal,
    });
    ended = watched.ended;
    await watched.first;
    deepStrictEqual(await names.next(), []);
    await write("tcp://a:1\n");
    deepStrictEqual(await names.next(), ["tcp://a:1"]);
    await write("# the same\ntcp://a:1");
    await write("tcp://a:1\ntcp://b:1\n");
    deepStrictEqual(await names.next(), ["tcp://a:1", "tcp://b:1"]);
    await Deno.remove(path);
    await Deno.mkdir(path);
    await until(() => log.messages("warn").length > 0, 30_000);
    match(log.messages("warn")[0]!, /--drain-file can't be read; what it said before holds/);
    await Deno.remove(path);
    deepStrictEqual(await names.next(), []);
  } finally {
    over.abort();
    await ended;
    await Deno.remove(directory, { recursive: true });
  }
});
