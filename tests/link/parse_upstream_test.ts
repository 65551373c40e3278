import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { describeEndpoint } from "../../src/link/describe_endpoint.ts";
import { EndpointError } from "../../src/link/endpoint_error.ts";
import { parseEndpoint } from "../../src/link/parse_endpoint.ts";
import { parseUpstream } from "../../src/link/parse_upstream.ts";
import { parseUpstreamFile } from "../../src/link/parse_upstream_file.ts";

/** An upstream in one line. */
function said(text: string): string {
  const { endpoint, weight, drain, lookup } = parseUpstream(text, "posix");
  const found = lookup === undefined
    ? ""
    : lookup.kind === "srv"
    ? ` from the records of ${lookup.name}`
    : " each";
  const whole = endpoint.kind === "http" ? endpoint.url.href : describeEndpoint(endpoint);
  return `${whole} ×${weight}${drain ? " drained" : ""}${found}`;
}

const TABLE: readonly (readonly [text: string, upstream: string])[] = [
  ["https://a.example/mcp", "https://a.example/mcp ×1"],
  ["https://a.example/mcp;weight=2", "https://a.example/mcp ×2"],
  [" a:1 ; weight=.5 ; drain ", "tcp://a:1 ×0.5 drained"],
  ["a:1;DRAIN;Weight=3", "tcp://a:1 ×3 drained"],
  ["a:1;weight=0", "tcp://a:1 ×1 drained"],
  ["a:1;weight=1000", "tcp://a:1 ×1000"],
  ["https://a/x;jsessionid=7", "https://a/x;jsessionid=7 ×1"],
  ["https://a/x;v=1;weight=2", "https://a/x;v=1 ×2"],
  ["https://a/x;weight=2/y", "https://a/x;weight=2/y ×1"],
  ["https://a/x;weight=2?y=1", "https://a/x;weight=2?y=1 ×1"],
  ["https://a/x?y=1;2;drain", "https://a/x?y=1;2 ×1 drained"],
  ["sh -c 'a; drain'", 'sh -c "a; drain" ×1'],
  [`sh -c "a;weight=2"`, "sh -c a;weight=2 ×1"],
  ["node server.js --x 1,2;weight=2", "node server.js --x 1,2 ×2"],
  ["unix:/run/a.sock;drain", "unix:/run/a.sock ×1 drained"],
  ["dns+https://a.example:8443/mcp;weight=2", "https://a.example:8443/mcp ×2 each"],
  ["DNS+HTTP://localhost/mcp", "http://localhost/mcp ×1 each"],
  ["dns+tcp://a.example:9", "tcp://a.example:9 ×1 each"],
  [
    "srv+https://_mcp._tcp.example.com/mcp",
    "https://_mcp._tcp.example.com/mcp ×1 from the records of _mcp._tcp.example.com",
  ],
  ["srv+tcp://_mcp._tcp.a;drain", "tcp://_mcp._tcp.a:0 ×1 drained from the records of _mcp._tcp.a"],
];

for (const [text, upstream] of TABLE) {
  Deno.test(`an upstream is read: ${text}`, () => strictEqual(said(text), upstream));
}

const PROBLEMS: readonly (readonly [text: string, message: RegExp])[] = [
  ["a:1;weight=x", /;weight takes a number above 0 and up to 1000/],
  ["a:1;weight", /;weight takes a number/],
  ["a:1;weight=", /;weight takes a number/],
  ["a:1;weight=-1", /;weight takes a number/],
  ["a:1;weight=1001", /;weight takes a number/],
  ["a:1;weight=1e3", /;weight takes a number/],
  ["a:1;drain=yes", /;drain takes no value/],
  ["a:1;wieght=2", /;wieght is no attribute; an upstream may end in ;weight=N or ;drain/],
  ["a:1;weigth=2;drain", /;weigth is no attribute/],
  ["a:1;drian", /;drian is no attribute/],
  ["a:1;weight=2;colour=red", /;colour is no attribute/],
  ["a:1;weight=2;weight=3", /;weight is given twice/],
  [";weight=2", /the endpoint is empty/],
  ["ws://a", /unknown scheme ws:/],
  ["dns+a:1", /dns\+ is followed by https:\/\/, http:\/\/ or tcp:\/\/; such as dns\+https/],
  ["dns+unix:/a", /dns\+ is followed by/],
  ["dns+http://127.0.0.1/", /dns\+ takes a name to look up, and 127\.0\.0\.1 is an address; leave dns\+ out/],
  ["dns+http://0x7f.1/", /127\.0\.0\.1 is an address/],
  ["dns+https://[::1]:8443/", /\[::1\] is an address/],
  ["dns+tcp://[::1]:9", /::1 is an address/],
  ["dns+tcp://a", /written tcp:\/\/HOST:PORT/],
  ["srv+https://a.example:8443/", /srv\+ takes a name without a port; its records tell the port/],
  ["srv+tcp://a:9", /srv\+ takes a name without a port/],
  ["srv+tcp://1.2.3.4", /1\.2\.3\.4 is an address/],
  ["srv+tcp://[::1]", /TCP endpoint is written|is an address/],
  ["srv+node server.js", /srv\+ is followed by/],
  ["dns+https://me:hunter2@a/", /user name or password/],
];

for (const [text, message] of PROBLEMS) {
  Deno.test(`an upstream is refused: ${text}`, () => {
    try {
      parseUpstream(text, "posix");
    } catch (error) {
      ok(error instanceof EndpointError, String(error));
      ok(!error.message.includes("hunter2"));
      return match(error.message, message);
    }
    throw new Error("it was taken");
  });
}

Deno.test("whatever endpoint there is, attributes behind it change nothing of it", () => {
  const texts = fc.oneof(
    fc.webUrl({ withQueryParameters: true }),
    fc.tuple(fc.domain(), fc.integer({ min: 1, max: 65_535 })).map(([host, port]) => `${host}:${port}`),
  ).filter((text) => {
    try {
      parseEndpoint(text, "posix");
      return !/;[^;]*$/.test(text);
    } catch {
      return false;
    }
  });
  const weights = fc.integer({ min: 1, max: 100_000 }).map((it) => it / 100);
  fc.assert(fc.property(texts, weights, fc.boolean(), (text, weight, drain) => {
    const attributes = `;weight=${weight}${drain ? ";drain" : ""}`;
    deepStrictEqual(parseUpstream(text + attributes, "posix"), {
      endpoint: parseEndpoint(text, "posix"),
      weight,
      drain,
    });
  }));
});

Deno.test("no text breaks the reading of upstreams: it is one, or an EndpointError of one line", () => {
  fc.assert(fc.property(
    fc.oneof(fc.string(), fc.string().map((it) => `a:1;${it}`), fc.string().map((it) => `srv+tcp://${it}`)),
    (text) => {
      try {
        ok(parseUpstream(text, "posix").weight > 0);
      } catch (error) {
        ok(error instanceof EndpointError, String(error));
        ok(!/[\r\n]/.test(error.message));
      }
    },
  ));
});

Deno.test("a file has an upstream on each line, comments and empty lines aside", () => {
  const text = "\ufeff# mine\r\na:1;weight=2\r\n\n  # theirs\n node s.js --list 1,2 \ndns+http://a/\n";
  const found = parseUpstreamFile(text, "posix");
  ok(!("message" in found));
  deepStrictEqual(found.map(({ line }) => line), [2, 5, 6]);
  strictEqual(found[0]!.upstream.weight, 2);
  deepStrictEqual(parseUpstreamFile("# none\n", "posix"), []);
});

Deno.test("of a file, the first line that is wrong is told", () => {
  const table: [text: string, line: number, message: RegExp][] = [
    ["a:1\nws://b", 2, /unknown scheme ws:/],
    ["a:1\n\nb:1;weight=0x1", 3, /;weight takes/],
    [
      "http://a/\nb:1\nhttp://A:80;drain",
      3,
      /the same upstream as in line 1; to give it more, use ;weight=N/,
    ],
    ["a:1\nb:2", 2, /no b/],
  ];
  for (const [text, line, message] of table) {
    const found = parseUpstreamFile(
      text,
      "posix",
      ({ endpoint }) => endpoint.kind === "tcp" && endpoint.port === 2 ? "no b" : undefined,
    );
    ok("message" in found, text);
    strictEqual(found.line, line);
    match(found.message, message);
  }
  // The name and its addresses are not the same.
  ok(!("message" in parseUpstreamFile("http://a/\ndns+http://a/\nsrv+http://a/", "posix")));
});
