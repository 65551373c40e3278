import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { type Challenge, parseChallenges, readChallenge } from "../../src/oauth/challenge.ts";

const plain = (field: string) =>
  parseChallenges(field).map(({ scheme, token68, parameters }) => ({
    scheme,
    ...(token68 === undefined ? {} : { token68 }),
    ...Object.fromEntries(parameters),
  }));

Deno.test("challenges are read as RFC 9110 writes them", () => {
  const rows: readonly (readonly [field: string, challenges: unknown[]])[] = [
    ["Bearer", [{ scheme: "bearer" }]],
    ['Bearer realm="x"', [{ scheme: "bearer", realm: "x" }]],
    ["Bearer realm=x", [{ scheme: "bearer", realm: "x" }]],
    ['Bearer realm = "x" , scope="a b"', [{ scheme: "bearer", realm: "x", scope: "a b" }]],
    ['BEARER Scope="a"', [{ scheme: "bearer", scope: "a" }]],
    [String.raw`Bearer realm="a \"quoted\" \\ one, really"`, [{
      scheme: "bearer",
      realm: 'a "quoted" \\ one, really',
    }]],
    ['Basic realm="a", Bearer scope="b", error=c', [{ scheme: "basic", realm: "a" }, {
      scheme: "bearer",
      scope: "b",
      error: "c",
    }]],
    ["Negotiate dG9rZW4=, Bearer", [{ scheme: "negotiate", token68: "dG9rZW4=" }, { scheme: "bearer" }]],
    ["Negotiate, Bearer", [{ scheme: "negotiate" }, { scheme: "bearer" }]],
    [', ,Bearer ,, realm="x",, ', [{ scheme: "bearer", realm: "x" }]],
    ['Bearer realm="first", realm="second"', [{ scheme: "bearer", realm: "first" }]],
    ['Bearer realm=""', [{ scheme: "bearer", realm: "" }]],
    ['DPoP algs="ES256", Bearer resource_metadata="https://a/b?c=d,e"', [
      { scheme: "dpop", algs: "ES256" },
      { scheme: "bearer", resource_metadata: "https://a/b?c=d,e" },
    ]],
    // What does not fit is skipped, and the rest counts.
    ['realm="nobody\'s", Bearer scope="a"', [{ scheme: "bearer", scope: "a" }]],
    ['Bearer scope="a", ;;, error="b"', [{ scheme: "bearer", scope: "a", error: "b" }]],
    ['Bearer scope="never closed', [{ scheme: "bearer" }]],
    ["", []],
  ];
  for (const [field, challenges] of rows) deepStrictEqual(plain(field), challenges, field);
});

Deno.test("what is written as RFC 9110 says is read back", () => {
  const token = fc.stringMatching(/^[A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]{0,8}$/);
  const text = fc.string({ unit: "grapheme-ascii", maxLength: 12 });
  const parameters = fc.uniqueArray(fc.tuple(token, text), {
    selector: ([name]) => name.toLowerCase(),
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(fc.property(fc.array(fc.tuple(token, parameters), { maxLength: 4 }), (challenges) => {
    const quoted = (value: string) => `"${value.replace(/["\\]/g, "\\$&")}"`;
    const field = challenges.map(([scheme, list]) =>
      `${scheme} ${list.map(([name, value]) => `${name}=${quoted(value)}`).join(", ")}`
    ).join(", ");
    deepStrictEqual(
      parseChallenges(field).map((it) => [it.scheme, [...it.parameters]]),
      challenges.map(([scheme, list]) => [
        scheme.toLowerCase(),
        list.map(([name, value]) => [name.toLowerCase(), value]),
      ]),
    );
  }));
});

Deno.test("no field makes the reader hang or throw", () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'Bearer =",\\;\ta/') }), (field) => {
    parseChallenges(field);
  }));
});

Deno.test("a server says which token it wants", () => {
  const rows: readonly (readonly [field: string | null, challenge: Challenge | undefined])[] = [
    [null, undefined],
    ['Basic realm="x"', undefined],
    ["Bearer", { dpop: false }],
    ['Bearer resource_metadata="https://a/m", scope="b  c"', {
      dpop: false,
      resourceMetadata: "https://a/m",
      scopes: ["b", "c"],
    }],
    ['Bearer error="insufficient_scope", scope="w", error_description="no"', {
      dpop: false,
      error: "insufficient_scope",
      scopes: ["w"],
      errorDescription: "no",
    }],
    ['DPoP algs="ES256", resource_metadata="https://a/m"', { dpop: true, resourceMetadata: "https://a/m" }],
    ['DPoP algs="ES256", Bearer scope="a"', { dpop: false, scopes: ["a"] }],
    ['Bearer, DPoP scope="a"', { dpop: false, scopes: ["a"] }],
    ['Bearer scope=""', { dpop: false }],
  ];
  for (const [field, challenge] of rows) deepStrictEqual(readChallenge(field), challenge, `${field}`);
  strictEqual(readChallenge(undefined), undefined);
});
