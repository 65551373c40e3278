import { type Failure, failure } from "../failure.ts";

/** What TLS libraries say of a certificate that leads to no trusted root: rustls's name, and other libraries' words. */
const UNTRUSTED = [
  "unknownissuer",
  "unknown issuer",
  "self signed",
  "self-signed",
  "selfsigned",
  "not trusted",
  "untrusted",
];

/** What a server says in TLS's own words when it wants a client certificate, or does not take the one it got. */
const CERTIFICATE_WANTED = /fatal alert: certificate ?required/;
const CERTIFICATE_REFUSED =
  /fatal alert: (?:bad ?certificate|unknown ?ca|certificate ?(?:expired|revoked|unknown)|unsupported ?certificate)/;

/** How hyper begins when it has no connection yet, its TLS handshake included: nothing of the request has left. */
const NO_CONNECTION = /\bclient error \(connect\)/;

/**
 * Says what an error that `fetch` threw means. Deno gives no error codes, so the text decides. What is not known to have
 * happened before the request left counts as a connection that broke.
 *
 * @param sent whether the request may have left: a connection that breaks afterwards leaves its outcome unknown
 */
export function explainFetch(error: unknown, endpoint: string): { failure: Failure; sent: boolean } {
  if (error instanceof Deno.errors.NotCapable) {
    return { failure: failure("PERMISSION", endpoint, error.message), sent: false };
  }
  const text = errorText(error);
  const seen = text.toLowerCase();
  const is = (...words: string[]) => words.some((word) => seen.includes(word));
  const not = (code: "UNREACHABLE" | "TLS", message: string, hint: string) => ({
    failure: failure(code, endpoint, message, hint),
    sent: false,
  });
  const blocked = /^fetch failed: requests to (port \d+) are blocked/.exec(seen);
  if (blocked !== null) {
    return not(
      "UNREACHABLE",
      `fetch refuses requests to ${blocked[1]}, which belongs to another protocol`,
      "let the server listen on another port",
    );
  }
  if (/^invalid url\b|^url scheme '.*' not supported/.test(seen)) {
    return not("UNREACHABLE", "the URL is not valid", "check its scheme, host and port");
  }
  // In TLS 1.3 the server says so after the client's part of the handshake is over and the request has left; but it does
  // not read what comes over such a connection (RFC 8446, section 4.4.2.4).
  if (CERTIFICATE_WANTED.test(seen)) {
    return not(
      "TLS",
      "the server wants a client certificate",
      "pass one that it knows with --client-cert FILE and --client-key FILE",
    );
  }
  if (CERTIFICATE_REFUSED.test(seen)) {
    return not(
      "TLS",
      `the server does not accept the client certificate (${text})`,
      "is the certificate of --client-cert still good, and of an authority that the server knows?",
    );
  }
  if (is("invalid http version parsed") && endpoint.startsWith("http:")) {
    return {
      failure: failure(
        "TLS",
        endpoint,
        "what answered there does not speak HTTP; most likely it speaks TLS",
        "write https:// in place of http://; a server that does speak HTTP may have carried the request out",
      ),
      // It is how a TLS server's alert reads, and rarely also the rest of a malformed answer.
      sent: true,
    };
  }
  if (!NO_CONNECTION.test(seen)) {
    return {
      failure: failure(
        "CONNECTION_LOST",
        endpoint,
        `the connection broke before the answer came: ${text}`,
        "see the server's log; the request may have been carried out",
      ),
      sent: true,
    };
  }
  if (is("causedasendentity", "ca used as end entity")) {
    // Refused even when it is trusted: what `openssl req -x509` makes unless told otherwise.
    return not(
      "TLS",
      `the certificate signs itself as an authority, which a server's must not (${text})`,
      "give the server a certificate with CA:FALSE, and pass that or its authority's with --ca-cert FILE",
    );
  }
  if (is(...UNTRUSTED)) {
    return not(
      "TLS",
      `the certificate is not signed by a known authority (${text})`,
      "pass the authority's certificate, or a self-signed one itself, with --ca-cert FILE",
    );
  }
  if (is("handshakefailure", "handshake failure")) {
    return not(
      "TLS",
      `the server refused the TLS handshake: ${text}`,
      "it may want a client certificate (--client-cert and --client-key), or a TLS version or cipher that is too old",
    );
  }
  if (is("corrupt message of type invalidcontenttype")) {
    return not(
      "TLS",
      "what answered there does not speak TLS",
      "write http:// in place of https:// if the server is meant to be reached without TLS",
    );
  }
  if (
    is(
      "certificate",
      "handshake",
      "fatal alert",
      "corrupt message",
      "peer is incompatible",
      "peer misbehaved",
    )
  ) {
    return not(
      "TLS",
      `the TLS connection failed: ${text}`,
      "check the server's certificate, its name and its dates",
    );
  }
  if (is("dns error")) {
    return not(
      "UNREACHABLE",
      `the host name could not be resolved: ${text}`,
      "check the spelling and the network",
    );
  }
  if (is("connection refused", "os error 111", "os error 61", "os error 10061")) {
    const hint = "is the server running, and is the port right?";
    // The system's resolver decides what localhost is, and often it knows it in one family only.
    const other = /^https?:\/\/localhost(?:[:/]|$)/i.test(endpoint);
    return not(
      "UNREACHABLE",
      "the connection was refused",
      other ? `${hint} One that listens on IPv6 only is reached as [::1]` : hint,
    );
  }
  return not(
    "UNREACHABLE",
    `no connection: ${text}`,
    "check the address, the network and the proxy settings",
  );
}

/** The texts of an error and its causes, without the URL: its query may be secret, and its words mean nothing. */
function errorText(error: unknown): string {
  const parts: string[] = [];
  for (let it = error; it instanceof Error && parts.length < 5; it = it.cause) {
    const text = it.message
      .replace(
        /^error sending request(?: from \S+)?(?: for (?:url \(\S*\)|https?:\/\/\S+(?: \([^)]*\))?))?:? ?/i,
        "",
      )
      // rustls ends in the address of its manual.
      .replace(/: https:\/\/docs\.rs\/\S*/, "")
      .replace(/https?:\/\/[^\s)]*/gi, "the URL");
    if (text !== "" && text !== "fetch failed") parts.push(text);
  }
  return parts.join(": ") || (error instanceof Error ? error.name : "unknown error");
}
