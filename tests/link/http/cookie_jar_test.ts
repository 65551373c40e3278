import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { cookieDate, createCookieJar } from "../../../src/link/http/cookie_jar.ts";
import { secretCookies } from "../../../src/link/http/cookies.ts";
import { createLogger } from "../../../src/telemetry/logger.ts";

const NOW = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;
const HTTPS = new URL("https://host.test/mcp/v1");
const HTTP = new URL("http://host.test/mcp/v1");

/** What is sent to `to`, `later` milliseconds on, after `from` has set these. */
function sent(
  fields: readonly string[],
  { from = HTTPS, to = HTTPS.href, later = 0 } = {},
): string | undefined {
  const jar = createCookieJar();
  jar.store(from, fields, NOW);
  return jar.header(new URL(to, HTTPS), NOW + later);
}

const in2030 = "Expires=Tue, 01 Jan 2030 00:00:00 GMT";
const in1970 = "Expires=Thu, 01 Jan 1970 00:00:00 GMT";

const TABLE: [
  name: string,
  fields: string[],
  header: string | undefined,
  around?: Parameters<typeof sent>[1],
][] = [
  ["a plain cookie", ["a=1"], "a=1"],
  ["several, in order", ["a=1", "b=2; HttpOnly", "c=3; SameSite=Lax"], "a=1; b=2; c=3"],
  ["white space aside", ["  a \t=  1 2  ; Path = / "], "a=1 2"],
  ["an equals sign and quotes in the value", ['a="x=y"'], 'a="x=y"'],
  ["an empty value", ["a="], "a="],
  ["the latest of one name", ["a=1", "b=1", "a=2"], "b=1; a=2"],
  ["no name", ["=1", "1", "", ";a=1"], undefined],
  ["a control character", ["a=1\x00", "b=\r\nX: 1", "c=\x7f"], undefined],
  ["a character that HTTP can't carry", ["a=€"], undefined],
  ["Latin-1", ["a=ü"], "a=ü"],
  ["the same path and below", ["a=1; Path=/mcp"], "a=1", { to: "/mcp/v2" }],
  ["a path that only begins alike", ["a=1; Path=/mcp"], undefined, { to: "/mcpx" }],
  ["a path with a slash at its end", ["a=1; Path=/mcp/"], "a=1", { to: "/mcp/v2" }],
  ["another path", ["a=1; Path=/other"], undefined],
  ["the default path", ["a=1"], "a=1", { to: "/mcp/v2" }],
  ["the default path, from above", ["a=1"], undefined, { to: "/" }],
  ["a path that is none", ["a=1; Path=mcp"], "a=1", { to: "/mcp/x" }],
  ["longer paths first", ["a=1; Path=/", "b=2; Path=/mcp/v1", "c=3; Path=/mcp"], "b=2; c=3; a=1"],
  ["one name on two paths", ["a=1; Path=/", "a=2; Path=/mcp"], "a=2; a=1"],
  ["the query does not count", ["a=1; Path=/mcp"], "a=1", { to: "/mcp?x=/other" }],
  ["Secure over https", ["a=1; Secure"], "a=1"],
  ["Secure over http", ["a=1; Secure"], undefined, { from: HTTP, to: HTTP.href }],
  ["__Secure- without Secure", ["__Secure-a=1"], undefined],
  ["__Secure- with it", ["__Secure-a=1; Secure"], "__Secure-a=1"],
  ["__Host- as it must be", ["__Host-a=1; Secure; Path=/"], "__Host-a=1"],
  ["__Host- with a domain", ["__Host-a=1; Secure; Path=/; Domain=host.test"], undefined],
  ["__Host- without a path", ["__host-a=1; Secure"], undefined],
  ["Domain widens nothing and harms nothing", ["a=1; Domain=.test"], "a=1"],
  ["an unknown attribute", ["a=1; Priority=High; Partitioned"], "a=1"],
  ["Max-Age, before its end", ["a=1; Max-Age=60"], "a=1", { later: 59_000 }],
  ["Max-Age, after its end", ["a=1; Max-Age=60"], undefined, { later: 60_000 }],
  ["Max-Age 0 deletes", ["a=1", "a=; Max-Age=0"], undefined],
  ["a negative Max-Age deletes", ["a=1", "a=; Max-Age=-1"], undefined],
  ["a Max-Age that is no number", ["a=1; Max-Age=1h"], "a=1", { later: 2 * DAY }],
  ["Expires, before its end", [`a=1; ${in2030}`], "a=1", { later: 300 * DAY }],
  ["Expires in the past deletes", ["a=1", `a=; ${in1970}`], undefined],
  ["a deletion on another path deletes nothing", ["a=1", `a=; Path=/; ${in1970}`], "a=1"],
  ["Max-Age wins over Expires", [`a=1; Max-Age=60; ${in1970}`], "a=1"],
  ["Max-Age wins over Expires, before it", [`a=1; ${in2030}; Max-Age=0`], undefined],
  ["no cookie lives for ever", ["a=1; Max-Age=99999999999999999999"], undefined, { later: 401 * DAY }],
  ["a date that is none", ["a=1; Expires=soon"], "a=1", { later: 500 * DAY }],
  ["too large a cookie", [`a=${"x".repeat(4096)}`], undefined],
  ["attributes in any letter case", ["a=1; MAX-AGE=0; SECURE"], undefined],
];

for (const [name, fields, header, around] of TABLE) {
  Deno.test(`CookieJar: ${name}`, () => strictEqual(sent(fields, around), header));
}

Deno.test("a cookie that was set over https with Secure does not leave over http", () => {
  // A jar is for one origin; should it be asked for another scheme, Secure holds all the same.
  strictEqual(sent(["a=1; Secure; Path=/"], { to: HTTP.href }), undefined);
});

Deno.test("the user's own Cookie field stays whole, and none of its names is sent twice", () => {
  const jar = createCookieJar();
  jar.store(HTTPS, ["mine=server", "route=7"], NOW);
  strictEqual(jar.header(HTTPS, NOW, "mine=me; other=1"), "mine=me; other=1; route=7");
  strictEqual(jar.header(HTTPS, NOW, ""), "mine=server; route=7");
  strictEqual(createCookieJar().header(HTTPS, NOW, "mine=me"), "mine=me");
  strictEqual(createCookieJar().header(HTTPS, NOW), undefined);
});

Deno.test("store tells the values that are new", () => {
  const jar = createCookieJar();
  deepStrictEqual(jar.store(HTTPS, ["a=1", "b=", "c=3; Max-Age=0"], NOW), ["1"]);
  deepStrictEqual(jar.store(HTTPS, ["a=1", "b=2"], NOW), ["2"]);
});

Deno.test("the jar is bounded: those set longest ago go, and one that is set again stays", () => {
  const jar = createCookieJar({ maxCookies: 3 });
  jar.store(HTTPS, ["a=1", "b=1", "c=1", "a=2", "d=1"], NOW);
  strictEqual(jar.header(HTTPS, NOW), "c=1; a=2; d=1");
  const small = createCookieJar({ maxSize: 10 });
  small.store(HTTPS, ["a=12345", "b=1234", "c=12"], NOW);
  strictEqual(small.header(HTTPS, NOW), "b=1234; c=12");
});

const attribute = fc.oneof(
  fc.constantFrom(
    "Secure",
    "HttpOnly",
    "Path=/",
    "Path=/mcp",
    "Max-Age=0",
    "Max-Age=9",
    "Domain=evil.test",
    in1970,
  ),
  fc.string({ maxLength: 12 }),
);
const field = fc.tuple(
  fc.oneof(fc.constantFrom("a", "b", "__Host-c"), fc.string({ maxLength: 5 })),
  fc.string({ maxLength: 30, unit: "binary" }),
  fc.array(attribute, { maxLength: 4 }),
).map(([name, value, attributes]) => [`${name}=${value}`, ...attributes].join("; "));

Deno.test("whatever a server sets, what is sent is a field that HTTP can carry, within the bounds, of pairs it set", () => {
  fc.assert(fc.property(
    fc.array(fc.oneof(field, fc.string({ unit: "binary" })), { maxLength: 40 }),
    fc.constantFrom(HTTPS, HTTP),
    fc.webPath(),
    fc.nat({ max: 20_000 }),
    (fields, origin, path, later) => {
      const jar = createCookieJar({ maxCookies: 5, maxSize: 100 });
      for (const one of fields) jar.store(origin, [one], NOW);
      const header = jar.header(new URL(origin.origin + path), NOW + later);
      if (header === undefined) return;
      // Throws on what HTTP can't carry.
      strictEqual(new Headers({ cookie: header }).get("cookie"), header);
      const pairs = fields.map((one) => {
        const [name = "", ...value] = one.split(";")[0]!.split("=");
        return `${name.trim()}=${value.join("=").trim()}`;
      });
      const left = header.split("; ");
      ok(left.length <= 5);
      ok(left.join("").length <= 105);
      // A value may itself hold "; "? No: fields are cut at semicolons.
      for (const pair of left) ok(pairs.includes(pair), JSON.stringify([header, fields]));
      if (origin === HTTP) ok(!fields.some((one) => /__Host-c/.test(one)) || !/__Host-c/.test(header));
    },
  ));
});

const DATES: [text: string, time: number | undefined][] = [
  ["Wed, 21 Oct 2026 07:28:00 GMT", Date.UTC(2026, 9, 21, 7, 28)],
  ["Wednesday, 21-Oct-26 07:28:00 GMT", Date.UTC(2026, 9, 21, 7, 28)],
  ["Wed, 21-Oct-2026 07:28:00 GMT", Date.UTC(2026, 9, 21, 7, 28)],
  ["Wed Oct 21 07:28:00 2026", Date.UTC(2026, 9, 21, 7, 28)],
  ["21 oct 1994 7:8:9", Date.UTC(1994, 9, 21, 7, 8, 9)],
  ["1 Jan 70 00:00:00", 0],
  ["1 Jan 69 00:00:00", Date.UTC(2069, 0, 1)],
  ["31 Feb 2026 00:00:00", undefined],
  ["32 Jan 2026 00:00:00", undefined],
  ["1 Jan 2026 24:00:00", undefined],
  ["1 Jan 1600 00:00:00", undefined],
  ["1 Jan 2026", undefined],
  ["0", undefined],
  ["", undefined],
];

Deno.test("cookieDate reads dates of every form that servers write (RFC 6265 section 5.1.1)", () => {
  for (const [text, time] of DATES) strictEqual(cookieDate(text), time, text);
  fc.assert(
    fc.property(fc.date({ min: new Date(0), max: new Date("2069-12-31"), noInvalidDate: true }), (date) => {
      strictEqual(cookieDate(date.toUTCString()), Math.floor(date.getTime() / 1000) * 1000);
    }),
  );
});

Deno.test("values of cookies are secrets of the log for as long as they are in use, and push no other out", () => {
  const lines: string[] = [];
  const logger = createLogger({ level: "info", format: "json", write: (line) => lines.push(line) });
  logger.secret("the-user's-token");
  const jar = secretCookies(logger.secret);
  jar.store(HTTPS, ["steady=steady-value-1"], NOW);
  // A balancer that sets a new value with every answer.
  for (let i = 0; i < 3000; i++) jar.store(HTTPS, [`route=route-value-${i}-`, "steady=steady-value-1"], NOW);
  logger.info("route-value-2999- route-value-2998- steady-value-1 the-user's-token route-value-0-");
  strictEqual(
    JSON.parse(lines[0]!).message,
    "[redacted] [redacted] steady-value-1 [redacted] route-value-0-",
  );
});
