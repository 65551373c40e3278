import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { describeUpstream } from "../../../src/balance/sources/describe_upstream.ts";
import { fromAddresses, fromRecords, type SrvRecord } from "../../../src/balance/sources/look_up.ts";
import type { UpstreamSettings } from "../../../src/config/balance_settings.ts";
import { parseUpstream } from "../../../src/link/parse_upstream.ts";

function upstream(text: string): UpstreamSettings {
  const { endpoint, weight, drain } = parseUpstream(text, "posix");
  return { endpoint, transport: "auto", weight, drain };
}

function said(upstreams: readonly UpstreamSettings[]): string[] {
  return upstreams.map((it) => `${describeUpstream(it)} ×${it.weight}${it.drain ? " drained" : ""}`);
}

/** `priority weight port target` */
function records(...texts: string[]): SrvRecord[] {
  return texts.map((text) => {
    const [priority, weight, port, target = ""] = text.split(" ");
    return { priority: Number(priority), weight: Number(weight), port: Number(port), target };
  });
}

Deno.test("each address of a name is an upstream, once, in a stable order, at the port of the endpoint", () => {
  deepStrictEqual(
    said(
      fromAddresses(upstream("https://a.example/mcp;weight=2;drain"), [
        "10.0.0.10",
        "::1",
        "10.0.0.2",
        "::1",
      ]),
    ),
    [
      "https://a.example/mcp at 10.0.0.2:443 ×2 drained",
      "https://a.example/mcp at 10.0.0.10:443 ×2 drained",
      "https://a.example/mcp at [::1]:443 ×2 drained",
    ],
  );
  deepStrictEqual(said(fromAddresses(upstream("http://a:8080/"), ["1.2.3.4"])), [
    "http://a:8080/ at 1.2.3.4:8080 ×1",
  ]);
  deepStrictEqual(said(fromAddresses(upstream("tcp://a:9"), ["fe80::1%eth0", "1.2.3.4"])), [
    "tcp://a:9 at 1.2.3.4:9 ×1",
  ]);
  deepStrictEqual(said(fromAddresses(upstream("http://a/"), ["1.2.3.4"])), ["http://a/ at 1.2.3.4:80 ×1"]);
});

const URL_NAME = "https://_mcp._tcp.x/mcp";
const TABLE: [what: string, name: string, found: SrvRecord[], expected: string[]][] = [
  ["targets, each with its port", URL_NAME, records("1 5 8443 b.x.", "1 5 443 a.x."), [
    "https://a.x/mcp ×1",
    "https://b.x:8443/mcp ×1",
  ]],
  ["those of the lowest priority alone", URL_NAME, records("2 1 1 c.x.", "1 1 2 a.x.", "1 1 3 b.x"), [
    "https://a.x:2/mcp ×1",
    "https://b.x:3/mcp ×1",
  ]],
  ["weights as parts of the average", "tcp://_mcp._tcp.x:1", records("0 30 9 a.x.", "0 10 9 b.x."), [
    "tcp://a.x:9 ×1.5",
    "tcp://b.x:9 ×0.5",
  ]],
  ["a small chance for a weight of 0", "tcp://n:1", records("0 0 9 a.x.", "0 10 9 b.x."), [
    "tcp://a.x:9 ×0.01",
    "tcp://b.x:9 ×1",
  ]],
  ["the same for all where no weight is above 0", "tcp://n:1;weight=3", records("0 0 9 a.x.", "0 0 9 b.x."), [
    "tcp://a.x:9 ×3",
    "tcp://b.x:9 ×3",
  ]],
  ["the greatest weights", "tcp://n:1", records("0 65535 9 a.x.", "0 1 9 b.x."), [
    "tcp://a.x:9 ×2",
    "tcp://b.x:9 ×0.0001",
  ]],
  ["nothing for a target of a dot, or a port of 0", URL_NAME, records("0 1 443 .", "0 1 0 a.x."), []],
  ["nothing for a target that is no host", URL_NAME, records("0 1 443 a/b.", "1 1 443 c."), []],
  ["the same place once", URL_NAME, records("0 1 443 A.x.", "0 1 443 a.x"), ["https://a.x/mcp ×1"]],
  ["nothing for no records", URL_NAME, [], []],
];

for (const [what, name, found, expected] of TABLE) {
  Deno.test(`SRV records give ${what}`, () =>
    deepStrictEqual(said(fromRecords(upstream(name), found)), expected));
}

Deno.test("targets whose addresses are known stand at those, and share their weight among them", () => {
  const addresses = new Map([["a.x", ["10.0.0.2", "10.0.0.1"]], ["b.x", []], ["c.x", ["::1"]]]);
  const found = records("0 1 8443 a.x.", "0 1 8443 b.x.", "0 1 443 c.x.");
  deepStrictEqual(said(fromRecords(upstream(URL_NAME), found, addresses)), [
    "https://a.x:8443/mcp at 10.0.0.1:8443 ×0.5",
    "https://a.x:8443/mcp at 10.0.0.2:8443 ×0.5",
    "https://c.x/mcp at [::1]:443 ×1",
  ]);
});

Deno.test("whatever the records and their order, the upstreams are the same, with weights that can be used", () => {
  const record = fc.record({
    priority: fc.nat(3),
    weight: fc.nat(65_535),
    port: fc.nat(65_535),
    target: fc.constantFrom("a.x.", "b.x.", "c.x", ".", "d.x."),
  });
  const shuffled = fc.array(record, { maxLength: 8 }).chain((list) =>
    fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))
  );
  fc.assert(fc.property(shuffled, ([list, other]) => {
    const found = fromRecords(upstream(URL_NAME), list);
    const places = (upstreams: UpstreamSettings[]) => upstreams.map(describeUpstream);
    deepStrictEqual(places(fromRecords(upstream(URL_NAME), other)), places(found));
    ok(found.every(({ weight }) => weight > 0 && Number.isFinite(weight)));
    strictEqual(new Set(places(found)).size, found.length);
  }));
});

Deno.test("targets outside of the domain that was named are marked", () => {
  const name = "https://_mcp._tcp.named.example/mcp";
  const found = fromRecords(
    upstream(name),
    records(
      "0 1 1 a.named.example.",
      "0 1 2 named.example.",
      "0 1 3 evilnamed.example.",
      "0 1 4 other.example.",
    ),
  );
  deepStrictEqual(found.map((it) => [describeUpstream(it), it.foreign === true]), [
    ["https://a.named.example:1/mcp", false],
    ["https://evilnamed.example:3/mcp", true],
    ["https://named.example:2/mcp", false],
    ["https://other.example:4/mcp", true],
  ]);
});
