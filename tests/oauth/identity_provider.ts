import type { TokenRequest } from "./protected_server.ts";
import { claimsOf, someJwt } from "./some_jwt.ts";

/** An identity provider that vouches for users with an ID-JAG, on this machine. */
export interface TestIdentityProvider extends AsyncDisposable {
  readonly tokenUrl: string;
  /** The requests to the token endpoint. */
  readonly requests: readonly TokenRequest[];
  /** What it has vouched with. */
  readonly given: readonly string[];
  /** Signs a user in. */
  idToken(user: string): string;
  /** Answers in its place, while it gives one. */
  instead: (parameters: URLSearchParams) => Response | undefined;
}

/** Starts it on a random port. */
export function startIdentityProvider(): TestIdentityProvider {
  const requests: TokenRequest[] = [];
  const given: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const parameters = new URLSearchParams(await request.text());
    requests.push({
      grant: parameters.get("grant_type") ?? "",
      parameters,
      authorization: request.headers.get("authorization"),
    });
    const other = self.instead(parameters);
    if (other !== undefined) return other;
    const { sub } = claimsOf(parameters.get("subject_token")!);
    const [aud, resource, scope] = ["audience", "resource", "scope"].map((it) => parameters.get(it));
    const claims = { iss: origin, sub, aud, resource, scope, client_id: "mcp-client" };
    given.push(someJwt(claims, { typ: "oauth-id-jag+jwt" }));
    return Response.json({
      access_token: given.at(-1),
      issued_token_type: "urn:ietf:params:oauth:token-type:id-jag",
      token_type: "N_A",
      expires_in: 300,
    });
  });
  const origin = `http://127.0.0.1:${server.addr.port}`;
  const self: TestIdentityProvider = {
    tokenUrl: `${origin}/oauth2/token`,
    requests,
    given,
    idToken: (user) => someJwt({ iss: origin, sub: user, aud: "idp-client" }),
    instead: () => undefined,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
  return self;
}
