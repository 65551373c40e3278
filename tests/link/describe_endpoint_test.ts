import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { describeEndpoint } from "../../src/link/describe_endpoint.ts";
import { redactText } from "../../src/telemetry/redact_text.ts";

const described = (url: string) => describeEndpoint({ kind: "http", url: new URL(url) });

Deno.test("An endpoint's URL is shown without what may be secret", () => {
  const table: [url: string, shown: string][] = [
    ["https://example.com/mcp", "https://example.com/mcp"],
    ["http://127.0.0.1:9000/mcp/", "http://127.0.0.1:9000/mcp/"],
    ["https://example.com/mcp?api=1", "https://example.com/mcp?…"],
    ["https://example.com/mcp#x", "https://example.com/mcp"],
    ["https://example.com/s/a8f3k2l9q0z7x6c5v4b3/mcp", "https://example.com/s/[redacted]/mcp"],
    ["https://example.com/sk-live1234567890abcdef/mcp", "https://example.com/[redacted]/mcp"],
  ];
  for (const [url, shown] of table) strictEqual(described(url), shown);
});

Deno.test("A URL that is shown as it is has nothing that the rules for free text would hide", () => {
  const word = fc.oneof(
    fc.constantFrom(
      "auth",
      "code",
      "sid",
      "token",
      "key",
      "jwt",
      "pat",
      "pin",
      "otp",
      "pwd",
      "sk",
      "eyJ",
      "hvs",
    ),
    fc.constantFrom("secret", "session", "cookie", "passwd", "ya29", "localhost", "127", "0", "8080", "mcp"),
    fc.stringMatching(/^[a-z0-9]{1,16}$/),
  );
  const joined = (separators: readonly string[]) =>
    fc.array(fc.tuple(fc.constantFrom(...separators), word), { maxLength: 6 })
      .map((parts) => parts.map((part) => part.join("")).join(""));
  const host = fc.oneof(
    fc.tuple(word, joined(["."])).map((parts) => parts.join("")),
    fc.constantFrom("localhost:8080", "127.0.0.1:80", "10.0.0.255:65535"),
  );
  const url = fc.tuple(fc.constantFrom("http", "https"), host, joined(["/"]))
    .map(([scheme, name, path]) => `${scheme}://${name}${path}`).filter((text) => URL.canParse(text));
  fc.assert(
    fc.property(url, (text) => {
      const shown = described(text);
      if (shown === new URL(text).href) strictEqual(redactText(shown), shown);
    }),
    { numRuns: 3000 },
  );
});
