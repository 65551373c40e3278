/** Which client, and how it shows who it is. */
import { deepStrictEqual, doesNotMatch, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chooseAuthMethod, importPrivateKey } from "../../src/oauth/client_auth.ts";
import type { SignInError } from "../../src/oauth/errors.ts";
import { chooseRegistration, type Known, registrationRequest } from "../../src/oauth/registration.ts";
import type { Server } from "../../src/oauth/server_metadata.ts";
import { DEFAULT_SETTINGS, type OAuthSettings } from "../../src/oauth/settings.ts";
import type { Client } from "../../src/oauth/tokens.ts";

const ISSUER = "https://as.example";
const REDIRECT = "http://127.0.0.1:5000/callback";
const CLIENT: Client = {
  issuer: ISSUER,
  clientId: "registered",
  authMethod: "none",
  redirectUris: [REDIRECT],
  origin: "registered",
};

interface Case {
  readonly settings?: Partial<OAuthSettings>;
  readonly metadata?: Partial<Server["metadata"]>;
  readonly known?: Partial<Known>;
  readonly from?: Server["known"];
  readonly redirectUri?: string | undefined;
}

function choose({ settings, metadata, known, from = "metadata", redirectUri = REDIRECT }: Case): string {
  try {
    const chosen = chooseRegistration({
      settings: { ...DEFAULT_SETTINGS, ...settings },
      server: { known: from, metadata: { issuer: ISSUER, ...metadata } },
      known: { client: () => undefined, issuerOf: () => undefined, ...known },
      redirectUri,
      now: 1000,
    });
    return chosen.kind;
  } catch (error) {
    return (error as SignInError).code;
  }
}

const CIMD = { client_id_metadata_document_supported: true };
const DCR = { registration_endpoint: "https://as.example/reg" };
const DOCUMENT = { clientMetadataUrl: "https://me.example/client.json" };
const KNOWN = { client: () => CLIENT };

Deno.test("a client is given, else a document, else registered, else the user is told what to do", () => {
  const rows: readonly (readonly [wanted: string, situation: Case])[] = [
    ["given", { settings: { clientId: "c", ...DOCUMENT }, metadata: { ...CIMD, ...DCR }, known: KNOWN }],
    ["document", { settings: DOCUMENT, metadata: { ...CIMD, ...DCR }, known: KNOWN }],
    ["known", { settings: DOCUMENT, metadata: DCR, known: KNOWN }],
    ["register", { settings: DOCUMENT, metadata: DCR }],
    ["register", { metadata: { ...CIMD, ...DCR } }],
    ["NO_CLIENT", { metadata: CIMD }],
    ["NO_CLIENT", { settings: DOCUMENT }],
    ["NO_CLIENT", {}],
    ["NO_CLIENT", { settings: { grant: "client_credentials" }, metadata: DCR }],
    ["NO_CLIENT", { settings: { grant: "id_jag" }, metadata: DCR }],
    ["given", { settings: { grant: "id_jag", clientId: "c" }, metadata: DCR }],
    ["document", { settings: { grant: "id_jag", ...DOCUMENT }, metadata: CIMD }],
    // A workload's token says all.
    ["unnamed", { settings: { grant: "jwt_bearer" }, metadata: DCR }],
    ["given", { settings: { grant: "jwt_bearer", clientId: "c" } }],
    ["document", { settings: { grant: "jwt_bearer", ...DOCUMENT }, metadata: CIMD }],
    // What was registered is of use at that issuer, with that redirect URI, as long as its secret lives.
    ["register", {
      metadata: DCR,
      known: { client: () => ({ ...CLIENT, issuer: "https://other.example" }) },
    }],
    ["register", { metadata: DCR, known: KNOWN, redirectUri: "http://127.0.0.1:6000/callback" }],
    ["register", { metadata: DCR, known: { client: () => ({ ...CLIENT, secretExpiresAt: 1000 }) } }],
    ["known", { metadata: DCR, known: { client: () => ({ ...CLIENT, secretExpiresAt: 1001 }) } }],
    // A given client belongs to one issuer.
    ["CLIENT_MISMATCH", { settings: { clientId: "c", issuer: "https://other.example" } }],
    ["CLIENT_MISMATCH", { settings: { clientId: "c" }, known: { issuerOf: () => "https://other.example" } }],
    ["given", { settings: { clientId: "c" }, known: { issuerOf: () => ISSUER } }],
    ["given", {
      settings: { clientId: "c" },
      known: { issuerOf: () => "https://other.example" },
      from: "settings",
    }],
    // A document is at an https URL with a path.
    ["SETTINGS", { settings: { clientMetadataUrl: "http://me.example/client.json" }, metadata: CIMD }],
    ["SETTINGS", { settings: { clientMetadataUrl: "https://me.example/" }, metadata: CIMD }],
    ["SETTINGS", { settings: { clientMetadataUrl: "client.json" }, metadata: CIMD }],
  ];
  for (const [wanted, situation] of rows) strictEqual(choose(situation), wanted, JSON.stringify(situation));
});

Deno.test("a registration says that this is a native client that keeps no secret", () => {
  const server = (metadata: Partial<Server["metadata"]>): Server => ({
    known: "metadata",
    metadata: { issuer: ISSUER, ...metadata },
  });
  deepStrictEqual(registrationRequest(server({}), "authorization_code", REDIRECT), {
    client_name: "mcp-connect",
    application_type: "native",
    redirect_uris: [REDIRECT],
    response_types: ["code"],
    grant_types: ["authorization_code", "refresh_token"],
    token_endpoint_auth_method: "none",
  });
  const picky = registrationRequest(
    server({
      grant_types_supported: ["authorization_code"],
      token_endpoint_auth_methods_supported: ["private_key_jwt", "client_secret_post"],
    }),
    "authorization_code",
    REDIRECT,
  );
  deepStrictEqual(picky.grant_types, ["authorization_code"]);
  strictEqual(picky.token_endpoint_auth_method, "client_secret_post");
});

Deno.test("a client shows who it is in the way that was agreed", () => {
  const secret = { clientSecret: "s" };
  const key = { privateKey: "k" };
  const rows: readonly (readonly [
    credentials: Parameters<typeof chooseAuthMethod>[0],
    decided: string | undefined,
    supported: string[] | undefined,
    method: string,
  ])[] = [
    [{}, undefined, undefined, "none"],
    [{}, undefined, ["client_secret_basic"], "none"],
    [secret, undefined, undefined, "client_secret_basic"],
    [secret, undefined, ["client_secret_post"], "client_secret_post"],
    [secret, undefined, ["client_secret_post", "client_secret_basic"], "client_secret_basic"],
    [secret, undefined, ["none"], "none"],
    [secret, "client_secret_post", ["client_secret_basic"], "client_secret_post"],
    [secret, "none", undefined, "none"],
    [key, undefined, undefined, "private_key_jwt"],
    [{ ...secret, ...key }, undefined, ["client_secret_basic"], "private_key_jwt"],
  ];
  for (const [credentials, decided, supported, method] of rows) {
    strictEqual(chooseAuthMethod(credentials, decided, supported), method);
  }
  throws(() => chooseAuthMethod(secret, undefined, ["private_key_jwt"]), { code: "UNSUPPORTED" });
  throws(() => chooseAuthMethod({}, "client_secret_basic", undefined), { code: "SETTINGS" });
  throws(() => chooseAuthMethod({}, "private_key_jwt", undefined), { code: "SETTINGS" });
  throws(() => chooseAuthMethod(secret, "tls_client_auth", undefined), { code: "UNSUPPORTED" });
});

Deno.test("private keys of every common form are read, with the algorithm that goes with them", async () => {
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const ed = generateKeyPairSync("ed25519").privateKey;
  const pem = (key: typeof ec, type: "pkcs8" | "sec1" | "pkcs1") =>
    key.export({ type, format: "pem" }).toString();
  const rows: readonly (readonly [text: string, algorithm: string | undefined, name: string])[] = [
    [pem(ec, "pkcs8"), undefined, "ECDSA"],
    [pem(ec, "sec1"), undefined, "ECDSA"],
    [pem(rsa, "pkcs8"), undefined, "RSASSA-PKCS1-v1_5"],
    [pem(rsa, "pkcs1"), undefined, "RSASSA-PKCS1-v1_5"],
    [pem(rsa, "pkcs8"), "PS256", "RSA-PSS"],
    [pem(ed, "pkcs8"), undefined, "Ed25519"],
    [
      JSON.stringify({ ...ec.export({ format: "jwk" }), kid: "k1", use: "sig", alg: "ES256" }),
      undefined,
      "ECDSA",
    ],
  ];
  for (const [text, algorithm, name] of rows) {
    const read = await importPrivateKey(text, algorithm);
    ok("key" in read);
    strictEqual(read.key.algorithm.name, name);
    if (text.startsWith("{")) strictEqual(read.kid, "k1");
  }
});

Deno.test("a private key that can't be used is not shown", async () => {
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = ec.privateKey.export({ format: "jwk" });
  const texts: readonly (readonly [text: string, algorithm?: string])[] = [
    ["SECRETSECRET"],
    [JSON.stringify(ec.publicKey.export({ format: "jwk" }))],
    [JSON.stringify(jwk), "RS256"],
    [JSON.stringify(jwk), "none"],
    [JSON.stringify({ kty: "EC", crv: "P-256", d: "SECRETSECRET" })],
  ];
  for (const [text, algorithm] of texts) {
    await rejects(importPrivateKey(text, algorithm), (error: SignInError) => {
      strictEqual(error.code, "SETTINGS");
      doesNotMatch(
        `${error.message} ${error.hint} ${error.cause} ${error.stack}`,
        new RegExp(`SECRET|${jwk.d}`),
      );
      match(error.hint!, /PEM or JWK/);
      return true;
    });
  }
});
