/** Tokens bound to a key, shown to an MCP server. */
import { deepStrictEqual, notStrictEqual, strictEqual, throws } from "node:assert/strict";
import {
  createDpopKey,
  dpopAlgorithm,
  dpopHandle,
  dpopHeaders,
  noteDpopNonce,
} from "../../src/oauth/dpop.ts";

const URL_ = new URL("https://mcp.example/mcp?x=1");

function parts(
  jwt: string,
): { header: Record<string, unknown>; claims: Record<string, unknown>; signed: string; signature: string } {
  const [header, claims, signature] = jwt.split(".") as [string, string, string];
  const json = (text: string) => JSON.parse(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
  return { header: json(header), claims: json(claims), signed: `${header}.${claims}`, signature };
}

Deno.test("a bound token is shown with a proof for this request alone, which its key has signed", async () => {
  const key = await createDpopKey("ES256");
  // As after a restart: what was stored is enough.
  const handle = await dpopHandle(JSON.parse(JSON.stringify(key)));
  const first = await dpopHeaders(handle, "the-token", "POST", URL_);
  strictEqual(first.authorization, "DPoP the-token");
  const { header, claims, signed, signature } = parts(first.dpop);
  strictEqual(header.typ, "dpop+jwt");
  strictEqual(claims.htm, "POST");
  strictEqual(claims.htu, "https://mcp.example/mcp");
  strictEqual((header.jwk as JsonWebKey).x, key.publicJwk.x);
  strictEqual("d" in (header.jwk as JsonWebKey), false);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode("the-token")));
  const ath = btoa(String.fromCharCode(...hash)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  strictEqual(claims.ath, ath);
  const verifier = await crypto.subtle.importKey(
    "jwk",
    key.publicJwk,
    { name: "ECDSA", namedCurve: "P-256" },
    true,
    ["verify"],
  );
  const bytes = Uint8Array.from(
    atob(signature.replaceAll("-", "+").replaceAll("_", "/")),
    (c) => c.charCodeAt(0),
  );
  const good = await crypto.subtle.verify(
    { name: "ECDSA", hash: "SHA-256" },
    verifier,
    bytes,
    new TextEncoder().encode(signed),
  );
  strictEqual(good, true);
  const second = await dpopHeaders(handle, "the-token", "POST", URL_);
  notStrictEqual(parts(second.dpop).claims.jti, claims.jti);
});

Deno.test("the nonce that a server wants is in the next proof for it, and for no other", async () => {
  const handle = await dpopHandle(await createDpopKey("Ed25519"));
  await noteDpopNonce(handle, URL_, "n-1");
  const here = parts((await dpopHeaders(handle, "t", "GET", new URL("/other", URL_))).dpop);
  strictEqual(here.claims.nonce, "n-1");
  const there = parts((await dpopHeaders(handle, "t", "GET", new URL("https://as.example/"))).dpop);
  strictEqual(there.claims.nonce, undefined);
});

Deno.test("the algorithm is one that both know", () => {
  deepStrictEqual(
    [undefined, ["RS256", "ES256"], ["PS256", "none"], ["Ed25519"]].map((it) => dpopAlgorithm(it)),
    ["ES256", "ES256", "PS256", "Ed25519"],
  );
  for (const none of [[], ["none"], ["HS256"]]) throws(() => dpopAlgorithm(none), { code: "UNSUPPORTED" });
});
