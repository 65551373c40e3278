import { deepStrictEqual, doesNotMatch, match, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import type { FailureName } from "../../../src/link/failure.ts";
import { explainFetch } from "../../../src/link/http/explain.ts";
import { listenRaw } from "../../support/raw_socket.ts";

const ENDPOINT = "http://example.com/mcp";

/** An error as Deno's `fetch` throws it: the URL and the cause's words in one text. */
function thrown(words: string, url = "http://example.com/mcp"): Error {
  return new TypeError("fetch failed", {
    cause: new Error(`error sending request for url (${url}): ${words}`),
  });
}

const TABLE: [words: string, code: FailureName, sent: boolean][] = [
  ["client error (Connect): tcp connect error: Connection refused (os error 111)", "UNREACHABLE", false],
  ["client error (Connect): tcp connect error: (os error 10061)", "UNREACHABLE", false],
  ["client error (Connect): tcp connect error: Connection timed out (os error 110)", "UNREACHABLE", false],
  ["client error (Connect): tcp connect error: Network is unreachable (os error 101)", "UNREACHABLE", false],
  [
    "client error (Connect): dns error: failed to lookup address information: Name or service not known",
    "UNREACHABLE",
    false,
  ],
  ["client error (Connect): unsuccessful tunnel", "UNREACHABLE", false],
  ["client error (Connect): proxy authentication required", "UNREACHABLE", false],
  ["client error (Connect): Proxy server unreachable", "UNREACHABLE", false],
  ["client error (Connect): invalid peer certificate: UnknownIssuer", "TLS", false],
  ["client error (Connect): invalid peer certificate: certificate not valid for name", "TLS", false],
  ["client error (Connect): invalid peer certificate: Expired", "TLS", false],
  ["client error (Connect): tls handshake eof", "TLS", false],
  ["client error (Connect): received fatal alert: HandshakeFailure", "TLS", false],
  ["client error (Connect): received fatal alert: CertificateRequired", "TLS", false],
  ["received fatal alert: CertificateRequired", "TLS", false],
  ["received fatal alert: UnknownCA", "TLS", false],
  ["received fatal alert: BadCertificate", "TLS", false],
  ["client error (SendRequest): received fatal alert: CertificateExpired", "TLS", false],
  ["client error (Connect): received corrupt message of type InvalidContentType", "TLS", false],
  ["client error (SendRequest): invalid HTTP version parsed", "TLS", true],
  ["client error (SendRequest): connection closed before message completed", "CONNECTION_LOST", true],
  [
    "client error (SendRequest): connection error: Connection reset by peer (os error 104)",
    "CONNECTION_LOST",
    true,
  ],
  ["client error (SendRequest): received fatal alert: InternalError", "CONNECTION_LOST", true],
  ["client error (SendRequest): Network is unreachable (os error 101)", "CONNECTION_LOST", true],
  ["peer closed connection without sending TLS close_notify", "CONNECTION_LOST", true],
  ["Connection reset by peer (os error 104)", "CONNECTION_LOST", true],
  ["the proxy's tunnel was cut", "CONNECTION_LOST", true],
  ["error reading a body from connection", "CONNECTION_LOST", true],
  ["", "CONNECTION_LOST", true],
];

for (const [words, code, sent] of TABLE) {
  Deno.test(`explainFetch takes "${words}" for ${code}`, () => {
    const it = explainFetch(thrown(words), ENDPOINT);
    deepStrictEqual([it.failure.code, it.sent, it.failure.endpoint], [code, sent, ENDPOINT]);
    ok(it.failure.hint !== undefined);
  });
}

Deno.test("explainFetch names the other scheme where one side speaks TLS and the other does not", () => {
  const http = explainFetch(thrown("client error (SendRequest): invalid HTTP version parsed"), ENDPOINT);
  match(http.failure.hint, /^write https:/);
  const https = ENDPOINT.replace("http:", "https:");
  const words = "client error (Connect): received corrupt message of type InvalidContentType";
  match(explainFetch(thrown(words), https).failure.hint, /^write http:/);
  const other = explainFetch(thrown("client error (SendRequest): invalid HTTP version parsed"), https);
  strictEqual(other.failure.code, "CONNECTION_LOST");
});

Deno.test("explainFetch tells how to reach a server of this machine that listens on IPv6 only", () => {
  const refused = thrown("client error (Connect): tcp connect error: Connection refused (os error 111)");
  match(explainFetch(refused, "http://localhost:3001/mcp").failure.hint, /\[::1\]/);
  doesNotMatch(explainFetch(refused, "http://localhost.example/mcp").failure.hint, /\[::1\]/);
});

Deno.test("explainFetch judges by what happened, not by words in the URL", () => {
  const lost = "client error (SendRequest): connection closed before message completed";
  for (
    const url of [
      "https://mcp-proxy.example.com/",
      "https://alerts.example.com/mcp",
      "https://example.com/tls/certificate",
      "https://example.com/(connect)/mcp",
      "https://example.com/?q=unreachable",
    ]
  ) {
    const it = explainFetch(thrown(lost, url), ENDPOINT);
    deepStrictEqual([it.failure.code, it.sent], ["CONNECTION_LOST", true], url);
  }
});

Deno.test("explainFetch repeats no URL, whose query may be secret", () => {
  const url = "http://example.com/mcp?api_key=hunter2&x=1";
  for (const [words] of TABLE) {
    const { failure } = explainFetch(thrown(words, url), ENDPOINT);
    doesNotMatch(`${failure.message} ${failure.hint}`, /hunter2/, words);
  }
  const from =
    "error sending request from 127.0.0.1:4 for http://example.com/mcp?k=hunter2 (1.2.3.4:80): client error";
  doesNotMatch(
    explainFetch(new TypeError("fetch failed", { cause: new Error(from) }), ENDPOINT).failure.message,
    /hunter2/,
  );
});

Deno.test("explainFetch explains what the real fetch throws", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const served = (async () => {
    const connection = await listener.accept();
    await connection.read(new Uint8Array(1024));
    connection.close();
  })();
  const failed = async (path: string) => {
    try {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", body: "{}" });
      await response.body?.cancel();
      return undefined;
    } catch (error) {
      return explainFetch(error, ENDPOINT);
    }
  };
  const lost = await failed("/mcp");
  await served;
  listener.close();
  deepStrictEqual([lost?.failure.code, lost?.sent], ["CONNECTION_LOST", true]);
  const refused = await failed("/mcp");
  deepStrictEqual([refused?.failure.code, refused?.sent], ["UNREACHABLE", false]);
  match(refused!.failure.message, /refused/);
});

for (const how of ["destroy", "reset"] as const) {
  Deno.test(`a server behind TLS that reads the request and dies leaves its outcome unknown (${how})`, async () => {
    const pem = (name: string) =>
      Deno.readTextFileSync(new URL(`../../support/tls/${name}.pem`, import.meta.url));
    let read = "";
    await using server = await listenRaw(async (connection) => {
      while (!read.endsWith("{}")) read += new TextDecoder().decode((await connection.read())!);
      connection[how]();
    }, { tls: { cert: pem("server"), key: pem("server_key") } });
    using client = Deno.createHttpClient({ caCerts: [pem("ca")] });
    const lost = await fetch(`https://127.0.0.1:${server.port}/mcp`, { method: "POST", body: "{}", client })
      .then(() => undefined, (error) => explainFetch(error, ENDPOINT));
    match(read, /^POST \/mcp /);
    deepStrictEqual([lost?.failure.code, lost?.sent], ["CONNECTION_LOST", true], lost?.failure.message);
  });
}

Deno.test("explainFetch names a missing permission as such", () => {
  const { failure, sent } = explainFetch(new Deno.errors.NotCapable('Requires net access to "x"'), ENDPOINT);
  deepStrictEqual([failure.code, sent], ["PERMISSION", false]);
});

Deno.test("explainFetch never throws, and says that a request may have left unless it surely has not", () => {
  fc.assert(fc.property(fc.anything(), (error) => {
    const { failure, sent } = explainFetch(error, ENDPOINT);
    strictEqual(sent, failure.code === "CONNECTION_LOST");
  }));
});
