import { type CookieJar, createCookieJar } from "./cookie_jar.ts";

/** The most values of cookies that the log is told of at a time: those in use, and some that just were. */
const SECRETS_KEPT = 40;

/**
 * Makes the jar of a client, whose values are secrets for the log as long as they are in use and a little longer: a
 * balancer may set a new one with every answer.
 *
 * @param secret tells the log of a secret; what it returns takes that back
 */
export function secretCookies(secret: (value: string) => () => void): CookieJar {
  const jar = createCookieJar();
  /** By value, the one longest unused first. */
  const known = new Map<string, () => void>();
  return {
    ...jar,
    store(url, fields, now) {
      const fresh = jar.store(url, fields, now);
      for (const value of fresh) {
        const forget = known.get(value) ?? secret(value);
        known.delete(value);
        known.set(value, forget);
      }
      for (const [value, forget] of known) {
        if (known.size <= SECRETS_KEPT) break;
        known.delete(value);
        forget();
      }
      return fresh;
    },
  };
}
