import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { judgeCallback } from "../../../src/oauth/browser/callback_request.ts";

const place = { path: "/callback", hosts: new Set(["127.0.0.1:5000", "localhost:5000"]) };
const HOST = "Host: 127.0.0.1:5000";

const answers: [what: string, lines: string[], query: string][] = [
  ["GET with the own Host", ["GET /callback?code=a&state=b HTTP/1.1", HOST], "code=a&state=b"],
  ["another spelling of the Host", ["GET /callback?a HTTP/1.1", "host:LOCALHOST:5000"], "a"],
  ["no query", ["GET /callback HTTP/1.1", HOST], ""],
  ["a query with question marks", ["GET /callback?a=?&b HTTP/1.1", HOST], "a=?&b"],
  ["a navigation", [
    "GET /callback?a HTTP/1.1",
    HOST,
    "Sec-Fetch-Mode: navigate",
    "Sec-Fetch-Site: cross-site",
  ], "a"],
  ["its own Origin", ["GET /callback?a HTTP/1.1", HOST, "Origin: http://127.0.0.1:5000"], "a"],
  ["the Origin of a redirected navigation", ["GET /callback?a HTTP/1.1", HOST, "Origin: null"], "a"],
];
for (const [what, lines, query] of answers) {
  Deno.test(`judgeCallback listens to ${what}`, () => {
    deepStrictEqual(judgeCallback(lines.join("\r\n"), place), { kind: "answer", query });
  });
}

const refused: [what: string, lines: string[], status: number][] = [
  ["a rebound name", ["GET /callback?a HTTP/1.1", "Host: evil.example:5000"], 403],
  ["the own name under another port", ["GET /callback?a HTTP/1.1", "Host: 127.0.0.1:5001"], 403],
  ["the own name without the port", ["GET /callback?a HTTP/1.1", "Host: 127.0.0.1"], 403],
  ["a name that begins like the own", ["GET /callback?a HTTP/1.1", "Host: 127.0.0.1:5000.evil.example"], 403],
  ["no Host", ["GET /callback?a HTTP/1.1"], 403],
  ["no Host in HTTP/1.0", ["GET /callback?a HTTP/1.0"], 403],
  ["two Hosts", ["GET /callback?a HTTP/1.1", HOST, HOST], 403],
  ["another site's Origin", ["GET /callback?a HTTP/1.1", HOST, "Origin: https://evil.example"], 403],
  ["a script's fetch", ["GET /callback?a HTTP/1.1", HOST, "Sec-Fetch-Mode: cors"], 403],
  ["an image", ["GET /callback?a HTTP/1.1", HOST, "Sec-Fetch-Mode: no-cors"], 403],
  ["a WebSocket", ["GET /callback?a HTTP/1.1", HOST, "Sec-Fetch-Mode: websocket", "Upgrade: websocket"], 403],
  ["POST", ["POST /callback?a HTTP/1.1", HOST, "Content-Length: 0"], 405],
  ["HEAD", ["HEAD /callback?a HTTP/1.1", HOST], 405],
  ["a preflight", ["OPTIONS /callback?a HTTP/1.1", HOST], 405],
  ["the root", ["GET / HTTP/1.1", HOST], 404],
  ["a path below", ["GET /callback/x?a HTTP/1.1", HOST], 404],
  ["another spelling of the path", ["GET //callback?a HTTP/1.1", HOST], 404],
  ["a way round to the path", ["GET /x/../callback?a HTTP/1.1", HOST], 404],
  ["a whole URL as the target", ["GET http://127.0.0.1:5000/callback?a HTTP/1.1", HOST], 400],
  ["HTTP/2's preface", ["PRI * HTTP/2.0"], 400],
  ["a request line without a version", ["GET /callback?a", HOST], 400],
  ["TLS", ["\x16\x03\x01\x02\x00\x01"], 400],
  ["control characters in the target", ["GET /callback?a\x01 HTTP/1.1", HOST], 400],
  ["a header without a colon", ["GET /callback?a HTTP/1.1", HOST, "x"], 400],
  ["a blank before the colon", ["GET /callback?a HTTP/1.1", "Host : 127.0.0.1:5000"], 400],
  ["a folded header", ["GET /callback?a HTTP/1.1", HOST, " evil.example"], 400],
  ["a bare line break in a header", ["GET /callback?a HTTP/1.1", `${HOST}\nx: y`], 400],
  ["nothing", [""], 400],
];
for (const [what, lines, status] of refused) {
  Deno.test(`judgeCallback refuses ${what}`, () => {
    const request = judgeCallback(lines.join("\r\n"), place);
    strictEqual(request.kind, "refused");
    if (request.kind === "refused") strictEqual(request.status, status);
  });
}
