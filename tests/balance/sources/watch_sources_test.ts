import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { describeUpstream } from "../../../src/balance/sources/describe_upstream.ts";
import { watchSources } from "../../../src/balance/sources/watch_sources.ts";
import type { BalanceSettings, UpstreamSettings } from "../../../src/config/balance_settings.ts";
import type { TransportChoice } from "../../../src/config/settings.ts";
import { parseUpstream } from "../../../src/link/parse_upstream.ts";
import { collectedLog } from "../../support/collected_log.ts";
import { startDnsServer } from "../../support/dns_server.ts";
import { until } from "../../support/until.ts";
import { told } from "./told.ts";

interface Setting {
  /** What the command line names. */
  readonly named?: readonly string[];
  readonly file?: string;
  readonly dnsServer?: BalanceSettings["dnsServer"];
  readonly policy?: BalanceSettings["policy"];
  readonly dnsRefreshMs?: number;
  readonly transport?: TransportChoice;
}

function settingsOf(
  { named = [], file, dnsServer, policy = "weighted", dnsRefreshMs = 20 }: Setting,
): BalanceSettings {
  const parsed = named.map((text) => parseUpstream(text, "posix"));
  const settings = ({ endpoint, weight, drain }: typeof parsed[number]): UpstreamSettings => ({
    endpoint,
    transport: "auto",
    weight,
    drain,
  });
  return {
    upstreams: parsed.filter((it) => it.lookup === undefined).map(settings),
    sources: [
      ...parsed.flatMap((it) => it.lookup === undefined ? [] : [{ ...it.lookup, upstream: settings(it) }]),
      ...(file === undefined ? [] : [{ kind: "file" as const, path: file }]),
    ],
    policy,
    affinity: "none",
    checkTimeoutMs: 5000,
    slowStartMs: 0,
    maxEjectedPercent: 50,
    dnsRefreshMs,
    ...(dnsServer === undefined ? {} : { dnsServer }),
  };
}

function said(upstreams: readonly UpstreamSettings[]): string[] {
  return upstreams.map((it) =>
    `${describeUpstream(it)}${it.weight === 1 ? "" : ` ×${it.weight}`}${it.drain ? " drained" : ""}`
  );
}

/** Watches what a setting names until the test is over. */
function watching(setting: Setting) {
  const over = new AbortController();
  const log = collectedLog();
  const lists = told<string[]>();
  const { first, reread, ended } = watchSources({
    balance: settingsOf(setting),
    transport: setting.transport ?? "auto",
    logger: log.logger,
    changed: (upstreams) => lists.tell(said(upstreams)),
    signal: over.signal,
  });
  return {
    first: first.then(said),
    lists,
    next: (...list: string[]) => lists.next((it) => it.join() === list.join()),
    reread,
    warnings: () => log.messages("warn"),
    log,
    stop: () => over.abort(),
    async [Symbol.asyncDispose]() {
      over.abort();
      await ended();
    },
  };
}

async function withFile(
  text: string,
  use: (path: string, write: (text: string) => Promise<void>) => Promise<void>,
) {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/upstreams.txt`;
  /** As editors do it, in one step. */
  const write = async (text: string) => {
    await Deno.writeTextFile(`${path}.new`, text);
    await Deno.rename(`${path}.new`, path);
  };
  try {
    await write(text);
    await use(path, write);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("upstreams that were named are there at once, and stay", async () => {
  await using it = watching({ named: ["a:1;weight=2", "b:1;drain"] });
  deepStrictEqual(await it.first, ["tcp://a:1 ×2", "tcp://b:1 drained"]);
  strictEqual(it.lists.all.length, 0);
});

Deno.test("a file's upstreams come behind those that were named, and change with the file", () =>
  withFile("# two\nb:1\nnode s.js 1,2\n", async (file, write) => {
    await using it = watching({ named: ["a:1"], file });
    deepStrictEqual(await it.first, ["tcp://a:1", "tcp://b:1", "node s.js 1,2"]);
    await write("c:1;weight=2\na:1;weight=5\n");
    await it.next("tcp://a:1", "tcp://c:1 ×2");
    await write("c:1;weight=2;drain\n");
    await it.next("tcp://a:1", "tcp://c:1 ×2 drained");
    deepStrictEqual(it.warnings(), []);
  }));

Deno.test("a file that is wrong, empty or gone changes nothing, and the log says why", () =>
  withFile("a:1\nb:1\n", async (file, write) => {
    await using it = watching({ file, transport: "tcp" });
    const warned = (count: number) => until(() => it.warnings().length === count, 30_000);
    deepStrictEqual(await it.first, ["tcp://a:1", "tcp://b:1"]);
    await write("a:1\nws://b\n");
    await warned(1);
    await write("a:1\na:1\n");
    await warned(2);
    await write("a:1\nhttp://b/\n");
    await warned(3);
    await write("# none\n");
    await warned(4);
    await Deno.remove(file);
    await warned(5);
    const patterns = [
      /^--endpoints-file line 2: unknown scheme ws:.*; its upstreams from before stay$/,
      /line 2: the same upstream as in line 1/,
      /line 2: --transport tcp does not fit a URL/,
      /names no upstream; its upstreams from before stay/,
      /is not there any more; its upstreams from before stay/,
    ];
    for (const [i, pattern] of patterns.entries()) match(it.warnings()[i]!, pattern);
    strictEqual(it.lists.all.length, 0);
    await write("c:1\n");
    await it.next("tcp://c:1");
  }));

Deno.test("weights that come in a file are of no use to some policies, which is said", () =>
  withFile("a:1\n", async (file, write) => {
    await using it = watching({ file, policy: "round-robin" });
    await it.first;
    await write("a:1;weight=2\n");
    await it.next("tcp://a:1 ×2");
    deepStrictEqual(it.warnings(), ["weights in --endpoints-file have no effect with --policy round-robin"]);
  }));

Deno.test("every address of a name is an upstream, of both families, and they come and go with the answers", async () => {
  await using dns = await startDnsServer({ "mcp.test": { A: ["10.0.0.2", "10.0.0.1"], AAAA: ["fd00::1"] } });
  await using it = watching({ named: ["z:1", "dns+https://mcp.test:8443/mcp"], dnsServer: dns.at });
  const at = (address: string) => `https://mcp.test:8443/mcp at ${address}:8443`;
  deepStrictEqual(await it.first, ["tcp://z:1", at("10.0.0.1"), at("10.0.0.2"), at("[fd00::1]")]);
  // The same in another order is nothing new.
  dns.names.set("mcp.test", { A: ["10.0.0.1", "10.0.0.2"], AAAA: ["fd00::1"] });
  const asked = dns.asked.length;
  await until(() => dns.asked.length > asked + 4, 30_000);
  strictEqual(it.lists.all.length, 0);
  dns.names.set("mcp.test", { A: ["10.0.0.3", "10.0.0.1"] });
  await it.next("tcp://z:1", at("10.0.0.1"), at("10.0.0.3"));
  deepStrictEqual(it.warnings(), []);
});

Deno.test("a name that is not found any more keeps what was found, with one warning, until it is found again", async () => {
  await using dns = await startDnsServer({ "mcp.test": { A: ["10.0.0.1"] } });
  await using it = watching({ named: ["dns+tcp://mcp.test:9"], dnsServer: dns.at });
  deepStrictEqual(await it.first, ["tcp://mcp.test:9 at 10.0.0.1:9"]);
  dns.names.delete("mcp.test");
  await until(() => it.warnings().length > 0, 30_000);
  match(it.warnings()[0]!, /the addresses of mcp\.test can't be looked up; those from before stay \(1\)/);
  const asked = dns.asked.length;
  await until(() => dns.asked.length > asked + 6, 30_000);
  strictEqual(it.warnings().length, 1);
  strictEqual(it.lists.all.length, 0);
  dns.names.set("mcp.test", { A: ["10.0.0.2"] });
  await it.next("tcp://mcp.test:9 at 10.0.0.2:9");
  ok(it.log.messages("info").some((line) => line.includes("are found again")));
});

Deno.test("a server that fails for one family takes no address of the other away", async () => {
  await using dns = await startDnsServer({ "mcp.test": { A: ["10.0.0.1"], AAAA: ["fd00::1"] } });
  await using it = watching({ named: ["dns+tcp://mcp.test:9"], dnsServer: dns.at });
  strictEqual((await it.first).length, 2);
  dns.failing = true;
  await until(() => it.warnings().length > 0, 30_000);
  strictEqual(it.lists.all.length, 0);
});

Deno.test("a first lookup that fails leaves no upstream, and the name is looked up again until it is found", async () => {
  await using dns = await startDnsServer();
  await using it = watching({ named: ["dns+http://mcp.test/"], dnsServer: dns.at });
  deepStrictEqual(await it.first, []);
  match(it.warnings()[0]!, /the addresses of mcp\.test can't be looked up; none are known yet/);
  dns.names.set("mcp.test", { A: ["10.0.0.1"] });
  await it.next("http://mcp.test/ at 10.0.0.1:80");
});

Deno.test("SRV records name hosts of their own, whose addresses --dns-server tells", async () => {
  await using dns = await startDnsServer({
    "_mcp._tcp.x.test": { SRV: ["1 3 8443 a.x.test.", "1 1 443 b.x.test.", "2 1 443 c.x.test."] },
    "a.x.test": { A: ["10.0.0.1"] },
    "b.x.test": { A: ["10.0.0.2"] },
    "c.x.test": { A: ["10.0.0.3"] },
  });
  await using it = watching({ named: ["srv+https://_mcp._tcp.x.test/mcp"], dnsServer: dns.at });
  deepStrictEqual(await it.first, [
    "https://a.x.test:8443/mcp at 10.0.0.1:8443 ×1.5",
    "https://b.x.test/mcp at 10.0.0.2:443 ×0.5",
  ]);
  // Those in reserve, once the others have gone.
  dns.names.set("_mcp._tcp.x.test", { SRV: ["2 1 443 c.x.test."] });
  await it.next("https://c.x.test/mcp at 10.0.0.3:443");
  dns.names.set("_mcp._tcp.x.test", { SRV: ["0 0 0 ."] });
  await until(() => it.warnings().length > 0, 30_000);
  match(
    it.warnings()[0]!,
    /the SRV records of _mcp\._tcp\.x\.test can't be looked up; those from before stay/,
  );
});

Deno.test("a file may name what is to be looked up; what it names no more is not looked up any more", async () => {
  await using dns = await startDnsServer({
    "a.test": { A: ["10.0.0.1"] },
    "b.test": { A: ["10.0.0.2"] },
  });
  await withFile("dns+tcp://a.test:9\nc:1\n", async (file, write) => {
    await using it = watching({ file, dnsServer: dns.at });
    deepStrictEqual(await it.first, ["tcp://a.test:9 at 10.0.0.1:9", "tcp://c:1"]);
    await write("c:1\ndns+tcp://b.test:9;weight=2\n");
    // In one step: nothing is missing until the new name is known.
    deepStrictEqual(await it.lists.next(), ["tcp://c:1", "tcp://b.test:9 at 10.0.0.2:9 ×2"]);
    const before = dns.asked.filter((it) => it === "A a.test").length;
    const asked = dns.asked.length;
    await until(() => dns.asked.length > asked + 6, 30_000);
    ok(dns.asked.filter((it) => it === "A a.test").length <= before + 1);
  });
});

Deno.test("a file that names only what is not found leaves those that are there, until it is", async () => {
  await using dns = await startDnsServer();
  await withFile("a:1\n", async (file, write) => {
    await using it = watching({ file, dnsServer: dns.at });
    await it.first;
    await write("dns+tcp://b.test:9\n");
    await until(() => it.warnings().length > 0, 30_000);
    const asked = dns.asked.length;
    await until(() => dns.asked.length > asked, 30_000);
    strictEqual(it.lists.all.length, 0);
    dns.names.set("b.test", { A: ["10.0.0.2"] });
    deepStrictEqual(await it.lists.next(), ["tcp://b.test:9 at 10.0.0.2:9"]);
  });
});

Deno.test("reread looks at names now", async () => {
  await using dns = await startDnsServer({ "mcp.test": { A: ["10.0.0.1"] } });
  await using it = watching({ named: ["dns+tcp://mcp.test:9"], dnsServer: dns.at, dnsRefreshMs: 3_600_000 });
  await it.first;
  dns.names.set("mcp.test", { A: ["10.0.0.2"] });
  it.reread();
  await it.next("tcp://mcp.test:9 at 10.0.0.2:9");
});

Deno.test("the system's resolver is asked where no server is named: it knows this machine's own files", async () => {
  await using it = watching({ named: ["dns+tcp://localhost:9"], dnsRefreshMs: 3_600_000 });
  const found = await it.first;
  ok(found.includes("tcp://localhost:9 at 127.0.0.1:9"), found.join());
});

Deno.test("after the end nothing is told, and nothing asked", async () => {
  await using dns = await startDnsServer({ "mcp.test": { A: ["10.0.0.1"] } });
  await withFile("a:1\n", async (file, write) => {
    await using it = watching({ named: ["dns+tcp://mcp.test:9"], file, dnsServer: dns.at });
    await it.first;
    it.stop();
    await write("b:1\n");
    dns.names.set("mcp.test", { A: ["10.0.0.2"] });
    it.reread();
    // As long as a change takes otherwise.
    await using other = watching({ file: file, dnsServer: dns.at, named: ["dns+tcp://mcp.test:9"] });
    deepStrictEqual(await other.first, ["tcp://mcp.test:9 at 10.0.0.2:9", "tcp://b:1"]);
    strictEqual(it.lists.all.length, 0);
  });
});
