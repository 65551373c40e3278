import type { GuardedFetch } from "./guarded_fetch.ts";

/** The parameters of requests, and the members of answers, that must be seen nowhere (RFC 6749, 7009, 7521, 7591, 8628, 8693). */
const SECRET_NAMES = [
  "access_token",
  "assertion",
  "client_assertion",
  "client_secret",
  "code",
  "code_verifier",
  "device_code",
  "id_token",
  "refresh_token",
  "registration_access_token",
  "subject_token",
  "token",
];

/**
 * A {@linkcode GuardedFetch} that tells whoever keeps secrets out of the log of each that goes out or comes in, before anybody
 * else sees it: servers say back what they were told.
 */
export function secretFetch(fetch: GuardedFetch, secret: (value: string) => void): GuardedFetch {
  function tell(members: Readonly<Record<string, unknown>>): void {
    for (const name of SECRET_NAMES) {
      const value = members[name];
      if (typeof value === "string") secret(value);
    }
  }

  return {
    check: fetch.check,
    async send(url, request) {
      const shown = request.headers["authorization"]?.replace(/^\S+ +/, "");
      if (shown !== undefined) secret(shown);
      if (request.body !== undefined) tell(membersOf(request.body));
      const response = await fetch.send(url, request);
      // What anybody may read holds none.
      if (request.method === "POST") tell(membersOf(await response.clone().text()));
      return response;
    },
  };
}

function membersOf(text: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return Object.fromEntries(new URLSearchParams(text));
  }
}
