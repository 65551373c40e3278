/** What a face over HTTP must judge by itself, since it sees headers and the rest doesn't. */

const LOCAL = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;

/**
 * Whether the request comes from this machine, by what it says of itself: a server that listens on loopback refuses the
 * others, so that no web site can reach it through a browser (S/2026-07-28/basic/transports/streamable-http).
 */
export function isLocal(headers: Headers): boolean {
  const origin = headers.get("origin");
  const host = headers.get("host");
  if (host !== null && !LOCAL.test(host)) return false;
  return origin === null || LOCAL.test(origin.replace(/^https?:\/\//, ""));
}
