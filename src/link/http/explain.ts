import { type Failure, failure } from "../failure.ts";

/**
 * Says what an error that `fetch` threw means. Deno gives no error codes, so the text decides.
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
  if (is("unknownissuer", "unknown issuer", "self signed", "self-signed", "caused as end entity")) {
    return not(
      "TLS",
      `the certificate is not signed by a known authority (${text})`,
      "pass the authority's certificate with --ca-cert FILE",
    );
  }
  if (is("certificate", "notvalidforname", "handshake", "tls", "badsignature", "alert")) {
    return not(
      "TLS",
      `the TLS connection failed: ${text}`,
      "check the server's certificate, its name and its dates",
    );
  }
  if (
    is("dns error", "failed to lookup", "name or service not known", "no such host", "nodename nor servname")
  ) {
    return not(
      "UNREACHABLE",
      `the host name could not be resolved: ${text}`,
      "check the spelling and the network",
    );
  }
  if (is("connection refused", "os error 111", "os error 61", "os error 10061")) {
    return not("UNREACHABLE", "the connection was refused", "is the server running, and is the port right?");
  }
  if (is("tcp connect", "(connect)", "unreachable", "tunnel", "proxy", "client error (connect")) {
    return not(
      "UNREACHABLE",
      `no connection: ${text}`,
      "check the address, the network and the proxy settings",
    );
  }
  return {
    failure: failure(
      "CONNECTION_LOST",
      endpoint,
      `the connection broke before the answer came: ${text}`,
      "the request may have been carried out",
    ),
    sent: true,
  };
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
      .replace(/https?:\/\/[^\s)]*/gi, "the URL");
    if (text !== "" && text !== "fetch failed") parts.push(text);
  }
  return parts.join(": ") || (error instanceof Error ? error.name : "unknown error");
}
