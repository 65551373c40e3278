import { deepStrictEqual, doesNotMatch, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { authorizationParameters, authorizationUrl, checkAnswer } from "../../src/oauth/authorization.ts";
import { SignInError } from "../../src/oauth/errors.ts";
import { sameText } from "../../src/oauth/same_text.ts";
import type { Server } from "../../src/oauth/server_metadata.ts";

const ISSUER = "https://as.example/t";

function expected(advertised: boolean | undefined, known: Server["known"] = "metadata") {
  return {
    state: "the-state",
    clientId: "c",
    server: {
      known,
      metadata: {
        issuer: ISSUER,
        ...(advertised === undefined ? {} : { authorization_response_iss_parameter_supported: advertised }),
      },
    },
  };
}

function codeOf(work: () => unknown): string {
  try {
    work();
    return "ok";
  } catch (error) {
    ok(error instanceof SignInError, String(error));
    return error.code;
  }
}

Deno.test("iss is checked by the four rows of the table, before an error or a code", () => {
  const rows: readonly (readonly [
    advertised: boolean | undefined,
    iss: string | undefined,
    outcome: "ok" | "ISS_MISMATCH",
  ])[] = [
    [true, ISSUER, "ok"],
    [true, "https://evil.example", "ISS_MISMATCH"],
    [true, undefined, "ISS_MISMATCH"],
    [true, "", "ISS_MISMATCH"],
    [false, ISSUER, "ok"],
    [undefined, ISSUER, "ok"],
    [undefined, "https://evil.example", "ISS_MISMATCH"],
    [undefined, "", "ISS_MISMATCH"],
    [undefined, undefined, "ok"],
    [false, undefined, "ok"],
    // no normalisation
    [undefined, `${ISSUER}/`, "ISS_MISMATCH"],
    [undefined, "https://AS.example/t", "ISS_MISMATCH"],
    [undefined, "https://as.example:443/t", "ISS_MISMATCH"],
    [undefined, "https://as.example/%74", "ISS_MISMATCH"],
  ];
  for (const [advertised, iss, outcome] of rows) {
    const common = { state: "the-state", ...(iss === undefined ? {} : { iss }) };
    const success = new URLSearchParams({ ...common, code: "x" });
    strictEqual(codeOf(() => checkAnswer(success, expected(advertised))), outcome, `${advertised} ${iss}`);
    const failure = new URLSearchParams({ ...common, error: "access_denied" });
    strictEqual(
      codeOf(() => checkAnswer(failure, expected(advertised))),
      outcome === "ok" ? "DENIED" : outcome,
      `${advertised} ${iss}`,
    );
  }
});

Deno.test("state is checked before anything else", () => {
  for (const state of [undefined, "", "other", "the-state "]) {
    const answer = new URLSearchParams({
      ...(state === undefined ? {} : { state }),
      iss: "https://evil.example",
      error: "x",
    });
    strictEqual(codeOf(() => checkAnswer(answer, expected(true))), "STATE_MISMATCH");
  }
  const twice = new URLSearchParams("state=the-state&state=the-state&code=x");
  strictEqual(codeOf(() => checkAnswer(twice, expected(undefined))), "STATE_MISMATCH");
});

Deno.test("nothing that an answer from elsewhere says is shown", () => {
  const answer = new URLSearchParams({
    state: "the-state",
    iss: "https://evil.example",
    error: "go_to_evil",
    error_description: "call us at evil",
    error_uri: "https://evil.example/help",
  });
  throws(() => checkAnswer(answer, expected(undefined)), (error: SignInError) => {
    doesNotMatch(`${error.message} ${error.hint} ${error.oauthError} ${error.cause}`, /evil/);
    return true;
  });
});

Deno.test("an answer that is neither a code nor an error, or both twice, is refused", () => {
  for (
    const query of [
      "",
      "code=",
      "code=a&code=b",
      "error=a&error=b",
      "code=a&id_token=b",
      "response=a.b.c&code=x",
    ]
  ) {
    strictEqual(
      codeOf(() => checkAnswer(new URLSearchParams(`state=the-state&${query}`), expected(undefined))),
      "BAD_RESPONSE",
      query,
    );
  }
});

Deno.test("an error is shown in one line that drives no terminal, and is not long", () => {
  const answer = new URLSearchParams({
    state: "the-state",
    error: "access_denied",
    error_description: `\x1b[31mno\n${"x".repeat(5000)}`,
  });
  throws(() => checkAnswer(answer, expected(undefined)), (error: SignInError) => {
    strictEqual(error.code, "DENIED");
    strictEqual(error.oauthError, "access_denied");
    // deno-lint-ignore no-control-regex
    doesNotMatch(error.message, /[\x00-\x1f]/);
    ok(error.message.length < 400);
    return true;
  });
});

Deno.test("where the user named the endpoints, an issuer is nothing to compare with", () => {
  const answer = new URLSearchParams({ state: "the-state", iss: "https://tenant.example/", code: "x" });
  strictEqual(codeOf(() => checkAnswer(answer, expected(undefined, "settings"))), "ok");
});

const REQUEST = {
  clientId: "c d",
  redirectUri: "http://127.0.0.1:1234/callback",
  state: "s",
  codeChallenge: "h",
  scopes: ["a", "b"],
  resource: "https://MCP.example",
  more: [],
};

Deno.test("an authorization request holds what the specification demands, the resource as it is spelt", () => {
  deepStrictEqual(Object.fromEntries(authorizationParameters(REQUEST)), {
    response_type: "code",
    client_id: "c d",
    redirect_uri: "http://127.0.0.1:1234/callback",
    state: "s",
    code_challenge: "h",
    code_challenge_method: "S256",
    scope: "a b",
    resource: "https://MCP.example",
  });
  const bare = authorizationParameters({ ...REQUEST, scopes: undefined, resource: undefined });
  strictEqual(bare.has("scope") || bare.has("resource"), false);
});

Deno.test("offline_access asks for consent, unless the user says otherwise", () => {
  const scopes = ["a", "offline_access"];
  strictEqual(authorizationParameters({ ...REQUEST, scopes }).get("prompt"), "consent");
  const none = authorizationParameters({ ...REQUEST, scopes, more: [["prompt", ""]] });
  strictEqual(none.has("prompt"), false);
  const own = authorizationParameters({
    ...REQUEST,
    scopes,
    more: [["prompt", "login"], ["access_type", "offline"]],
  });
  strictEqual(own.get("prompt"), "login");
  strictEqual(own.get("access_type"), "offline");
});

Deno.test("a user's parameters replace none that a check hangs on", () => {
  for (
    const name of [
      "state",
      "code_challenge",
      "code_challenge_method",
      "redirect_uri",
      "response_type",
      "Response_Mode",
    ]
  ) {
    throws(() => authorizationParameters({ ...REQUEST, more: [[name, "x"]] }), { code: "SETTINGS" }, name);
  }
});

Deno.test("an authorization endpoint keeps its query, and loses its fragment", () => {
  const parameters = authorizationParameters(REQUEST);
  const url = new URL(authorizationUrl("https://as.example/a?tenant=t&state=theirs#x", parameters));
  strictEqual(url.searchParams.get("tenant"), "t");
  deepStrictEqual(url.searchParams.getAll("state"), ["s"]);
  strictEqual(url.hash, "");
});

Deno.test("texts are the same when they are, and only then", () => {
  fc.assert(fc.property(fc.string(), fc.string(), (a, b) => {
    strictEqual(sameText(a, b), a === b);
    strictEqual(sameText(a, a), true);
  }));
});
