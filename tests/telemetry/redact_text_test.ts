import assert from "node:assert/strict";
import fc from "fast-check";
import { redactText } from "../../src/telemetry/redact_text.ts";
import { compileSecrets, cutAndReplaceSecrets, REDACTED } from "../../src/telemetry/secrets.ts";

const JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlMTIz";
const HEX = "9f86d081884c7d659a2feaa0c55ad015";

/** Texts, and what of them must be gone. */
const SECRET: readonly [text: string, secret: string][] = [
  ["Authorization: Bearer abcdef", "abcdef"],
  ["authorization: Basic dXNlcjpwYXNz\r\nAccept: */*", "dXNlcjpwYXNz"],
  ['Authorization: Digest username="u", response="6629fae49393a053"', "6629fae4"],
  ["Proxy-Authorization: custom thing with spaces", "thing with"],
  ["sent Bearer tok3n-value to it", "tok3n-value"],
  ["Bearer%20abc123xyz", "abc123xyz"],
  ["Set-Cookie: sid=abc; Path=/; HttpOnly", "abc"],
  ["cookie: a=first; b=second", "second"],
  ["X-API-Key: k", "X-API-Key: k"],
  ["x_api_key=hello", "hello"],
  ["Mcp-Session-Id: 1868a90c", "1868a90c"],
  ['{"access_token":"abc","expires_in":3600}', "abc"],
  ['{"password" : "a\\"b\\\\"}', 'a\\"b'],
  ['{"password":"ends in a backslash\\\\","x":1}', "ends in"],
  ['{"client_secret":"cut sho', "cut sho"],
  ['{"pin":123456}', "123456"],
  ['{"set-cookie":["sid=1; Path=/","b=2"],"x":1}', "sid=1"],
  ['{"credentials":{"user":"joe","pass":"word"}}', "word"],
  ['{"code":"SplxlOBeZQQYbYS6WxSbIA"}', "SplxlOBe"],
  [JSON.stringify({ text: JSON.stringify({ refresh_token: 'q"w\\e' }) }), "w\\\\"],
  [JSON.stringify(JSON.stringify(JSON.stringify({ token: "deepvalue" }))), "deepvalue"],
  ["{ token: 'abc' }", "abc"],
  ["https://host/cb?code=x7&page=2", "x7"],
  ["https://host/cb?page=2&state=zz9", "zz9"],
  ["https://host/#access_token=frag&token_type=Bearer", "frag"],
  ["url=https://host/?api_key=inner", "inner"],
  ["redirect=https%3A%2F%2Fhost%2F%3Fcode%3Dinner%26page%3D2", "inner"],
  ["code=first&grant_type=authorization_code&code_verifier=second", "first"],
  ["code=first&grant_type=authorization_code&code_verifier=second", "second"],
  ["https://joe:hunter2@host/x", "hunter2"],
  ["redis://:hunter2@host", "hunter2"],
  [`https://${HEX}@host/x`, HEX],
  ["node server.js --auth-token abc --port 3", "abc"],
  ["--password=abc", "abc"],
  ['["--api-key","abc"]', "abc"],
  ["GITHUB_TOKEN=abc node x", "abc"],
  ['AWS_SECRET_ACCESS_KEY="a b c"', "a b c"],
  ["password: swordfish", "swordfish"],
  ["token: s1234", "s1234"],
  [`got ${JWT} back`, "c2lnbmF0dXJl"],
  ["key is sk-proj-abcdefghij0123456789", "abcdefghij"],
  ["sk-ant-api03-AAAAbbbbCCCC1111", "AAAAbbbb"],
  ["ghp_abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghij"],
  ["github_pat_11ABCDEFG0123456789_abcdef", "11ABCDEFG"],
  ["xoxb-1234567890-abcdefgh", "1234567890"],
  ["AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"],
  ["glpat-abcdefghij0123456789", "abcdefghij"],
  ["AIzaSyA1234567890123456789012345678901", "SyA12345"],
  ["-----BEGIN RSA PRIVATE KEY-----\nMIIEow==\n-----END RSA PRIVATE KEY-----", "MIIEow"],
  ["-----BEGIN PRIVATE KEY-----\nMIIEow==", "MIIEow"],
  ["session id 550e8400-e29b-41d4-a716-446655440000", "550e8400"],
  [`the secret was ${HEX}`, HEX],
  [`X-Custom-Auth: ${HEX}`, HEX],
];

for (const [text, secret] of SECRET) {
  Deno.test(`redactText hides the secret in ${JSON.stringify(text).slice(0, 70)}`, () => {
    const out = redactText(text);
    assert.ok(!out.includes(secret), out);
    assert.ok(out.includes(REDACTED), out);
  });
}

const READABLE = [
  "error code: -32601",
  '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}',
  '{"code":"NOT_FOUND","hint":"x"}',
  "failed, code=ECONNREFUSED",
  "exited with code 1",
  "exit code: 137",
  '{"_meta":{"progressToken":"abc-123-def-456"}}',
  '{"progressToken":550,"progress":1}',
  "tokens_used=1200 max_tokens: 4096",
  '{"cursor":"b2Zmc2V0PTEwMDAwMDAw","nextCursor":"b2Zmc2V0PTIwMDAwMDAw"}',
  "invalid token: expected a string",
  'error="invalid_token"',
  'WWW-Authenticate: Bearer realm="mcp", resource_metadata="https://host/.well-known/x", scope="a b"',
  "Bearer authentication is required",
  "basic auth failed",
  "token_endpoint=https://host/token grant_type=authorization_code code_challenge_method=S256",
  "https://host:8080/mcp?page=2&cursor=abc",
  "tcp://127.0.0.1:9000 refused",
  "user@host: no such user",
  "The session: started",
  "2026-01-02T03:04:05.678Z tools/call tools/list notifications/cancelled",
  "sha256 of the file: 9f86d081884c7d659a2feaa0c55ad015",
  "Last-Event-ID: 12",
  'password: ""',
  '{"token":null,"secret":true}',
];

for (const text of READABLE) {
  Deno.test(`redactText leaves ${JSON.stringify(text).slice(0, 70)}`, () => {
    assert.equal(redactText(text), text);
  });
}

Deno.test("redactText hides only the value and keeps what surrounds it", () => {
  assert.equal(
    redactText('POST /token {"grant_type":"refresh_token","refresh_token":"r","n":9007199254740993}'),
    'POST /token {"grant_type":"refresh_token","refresh_token":"[redacted]","n":9007199254740993}',
  );
  assert.equal(redactText("https://h/?a=1&token=x&b=2 next"), "https://h/?a=1&token=[redacted]&b=2 next");
  assert.equal(redactText("Authorization: Bearer x"), "Authorization: Bearer [redacted]");
});

Deno.test("redactText changes nothing more the second time", () => {
  const piece = fc.oneof(
    fc.constantFrom(...SECRET.map(([text]) => text), ...READABLE, " ", '"', "\\", "=", ": ", "&", "{"),
    fc.string({ maxLength: 12 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 5 }), (pieces) => {
      const once = redactText(pieces.join(""));
      assert.equal(redactText(once), once);
    }),
    { numRuns: 300, seed: 7 },
  );
});

Deno.test("redactText takes linear time on text made to be slow", () => {
  const hostile = [
    "a".repeat(200_000),
    '"'.repeat(200_000),
    "\\".repeat(200_000),
    '\\"'.repeat(100_000),
    "a=".repeat(100_000),
    "a:".repeat(100_000),
    "https://".repeat(25_000),
    "--a ".repeat(50_000),
    "-----BEGIN PRIVATE KEY-----".repeat(5_000),
    "eyJaaaaa.".repeat(20_000),
    '"token":['.repeat(20_000),
    '"token":"'.repeat(20_000),
    "cookie: ".repeat(20_000),
    "authorization" + " ".repeat(200_000),
    "Bearer" + " ".repeat(200_000),
    "token ".repeat(40_000),
    "a" + " ".repeat(200_000),
    "a.".repeat(100_000),
    "sk-".repeat(60_000),
  ];
  for (const text of hostile) {
    const start = performance.now();
    redactText(text);
    const took = performance.now() - start;
    assert.ok(took < 2000, `${text.slice(0, 20)}: ${took} ms`);
  }
});

const secretValue = fc.string({ unit: "binary", minLength: 6, maxLength: 40 })
  .filter((value) => value.trim().length >= 6 && !REDACTED.includes(value) && value.isWellFormed());

const encodings: readonly [name: string, encode: (value: string) => string][] = [
  ["plain", (value) => value],
  ["JSON", (value) => JSON.stringify(value)],
  ["JSON in JSON in JSON", (value) => JSON.stringify(JSON.stringify(JSON.stringify(value)))],
  ["ASCII JSON", (value) => JSON.stringify(value).replace(/[^\x20-\x7e]/g, unicodeEscape)],
  ["percent", encodeURIComponent],
  ["lower-case percent", (value) => encodeURIComponent(value).replace(/%../g, (hex) => hex.toLowerCase())],
  ["percent twice", (value) => encodeURIComponent(encodeURIComponent(value))],
  ["a URL's query", (value) => `https://h/?q=${encodeURI(value)}`],
  ["a form", (value) => new URLSearchParams({ x: value }).toString()],
  ["a form in JSON", (value) => JSON.stringify({ body: new URLSearchParams({ x: value }).toString() })],
  ["JSON in a URL", (value) => `https://h/?q=${encodeURIComponent(JSON.stringify({ q: value }))}`],
];

function unicodeEscape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

for (const [name, encode] of encodings) {
  Deno.test(`a registered secret is found in text, spelled as ${name}`, () => {
    fc.assert(fc.property(secretValue, fc.string({ maxLength: 8 }), (secret, around) => {
      const secrets = compileSecrets([secret]);
      const core = encode(secret);
      const out = redactText(`${around} ${core} ${around}`, secrets);
      assert.ok(out.includes(REDACTED), `${JSON.stringify(core)} -> ${JSON.stringify(out)}`);
      assert.ok(!out.includes(core), out);
      assert.ok(!out.includes(secret) || around.includes(secret), out);
    }));
  });
}

Deno.test("the longer of two registered secrets that begin alike is hidden whole", () => {
  const secrets = compileSecrets(["abcdef", "abcdef-and-more"]);
  assert.equal(redactText("x abcdef-and-more y", secrets), "x [redacted] y");
});

Deno.test("each long line of a registered secret of several lines is hidden too", () => {
  const secrets = compileSecrets(["line one of a key\nline two of a key\nend"]);
  assert.equal(redactText("got: line two of a key", secrets), "got: [redacted]");
});

Deno.test("too short a value is no secret", () => {
  assert.equal(compileSecrets(["", "abc", "      ", "12345"]), undefined);
});

Deno.test("cutting a text shows no part of a secret that lies across the cut", () => {
  const secret = "0123456789abcdef";
  const secrets = compileSecrets([secret]);
  for (let before = 0; before <= 40; before++) {
    const text = ".".repeat(before) + encodeURIComponent(secret) + ".".repeat(60);
    const out = cutAndReplaceSecrets(text, 30, secrets);
    assert.doesNotMatch(out, /01/, `${before}: ${out}`);
    assert.ok(out.startsWith(".".repeat(Math.min(before, 30))));
  }
  assert.equal(cutAndReplaceSecrets("abcdef", 4, undefined), "abcd … 2 more characters");
});

Deno.test("a secret full of special characters does not make the search slow", () => {
  const secrets = compileSecrets([
    "\\\\\\\\\\\\\\\\x",
    '""""""""""x',
    '\\"\\"\\"\\"\\"x',
    "%%%%%%%%%%x",
    "          x",
  ]);
  for (
    const text of [
      "\\".repeat(20_000),
      '"'.repeat(20_000),
      '\\"'.repeat(10_000),
      "%25".repeat(7_000),
      "%5C".repeat(7_000),
    ]
  ) {
    const start = performance.now();
    redactText(text, secrets);
    const took = performance.now() - start;
    assert.ok(took < 2000, `${text.slice(0, 6)}: ${took} ms`);
  }
  assert.equal(redactText(JSON.stringify(JSON.stringify('\\"\\"\\"\\"\\"x')), secrets), '"\\"[redacted]\\""');
});
