import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { bindLoopback } from "../../../src/oauth/browser/bind_loopback.ts";
import { type CallbackServer, serveCallback } from "../../../src/oauth/browser/callback_server.ts";
import { renderPage } from "../../../src/oauth/browser/page.ts";
import { expectedHosts, planRedirect } from "../../../src/oauth/browser/redirect_plan.ts";
import { turn, until } from "../../support/until.ts";
import { get, rawConnect, rawRequest } from "./raw_request.ts";

const STATE = "mZ3c0xq-1Ty_state";
const MINUTE = 60_000;
const never = new AbortController().signal;

interface Served extends CallbackServer {
  readonly port: number;
  /** Whether it listens on ::1, too. */
  readonly v6: boolean;
}

function serve(signal: AbortSignal = never): Served {
  const plan = planRedirect({});
  const bound = bindLoopback(0);
  const server = serveCallback({
    listeners: bound.listeners,
    path: plan.path,
    hosts: expectedHosts(plan, bound),
    page: (page) => renderPage(page, { server: "mcp.example.com", nonce: "n" }),
    signal,
  });
  return { ...server, port: bound.port, v6: bound.listeners.length === 2 };
}

/** Makes sure that the sign-in goes on: the right answer is still taken. */
async function stillWaits(server: Served, answer: Promise<URLSearchParams>): Promise<void> {
  using browser = await rawConnect(server.port, get(server.port, `/callback?code=good&state=${STATE}`));
  strictEqual((await answer).get("code"), "good");
  server.done({ ok: true });
  strictEqual((await browser.response)?.status, 200);
}

async function isFree(port: number): Promise<void> {
  for (const hostname of ["127.0.0.1", "::1"]) {
    await rejects(Deno.connect({ hostname, port }), `${hostname}:${port} is still listened on`);
  }
}

Deno.test("the browser's answer arrives, and its page is shown only when the exchange has succeeded", async () => {
  await using server = serve();
  const answer = server.answer(STATE, never, MINUTE);
  const target = `/callback?code=a%2Fb&state=${STATE}&iss=https%3A%2F%2Fas.example`;
  using browser = await rawConnect(server.port, get(server.port, target, ["Connection: keep-alive"]));
  deepStrictEqual([...await answer], [["code", "a/b"], ["state", STATE], ["iss", "https://as.example"]]);

  let shown = false;
  browser.response.then(() => shown = true);
  for (let i = 0; i < 20; i++) await turn();
  strictEqual(shown, false, "a page was shown before the exchange was over");

  server.done({ ok: true });
  const response = await browser.response;
  strictEqual(response?.status, 200);
  match(response.body, /You’re signed in/);
  match(response.body, /mcp\.example\.com/);
  strictEqual(response.headers.get("connection"), "close");
});

Deno.test("the browser sees why the exchange failed", async () => {
  await using server = serve();
  const answer = server.answer(STATE, never, MINUTE);
  using browser = await rawConnect(server.port, get(server.port, `/callback?code=a&state=${STATE}`));
  await answer;
  server.done({ ok: false, why: "The server takes this code no more." });
  const response = await browser.response;
  strictEqual(response?.status, 400);
  match(response.body, /The server takes this code no more\./);
});

Deno.test("a refusal with the right state is an answer, too", async () => {
  await using server = serve();
  const answer = server.answer(STATE, never, MINUTE);
  using _browser = await rawConnect(
    server.port,
    get(server.port, `/callback?error=access_denied&state=${STATE}`),
  );
  strictEqual((await answer).get("error"), "access_denied");
  server.done({ ok: false, why: "" });
});

Deno.test("the browser may come to ::1 as well", async () => {
  await using server = serve();
  if (!server.v6) return;
  const answer = server.answer(STATE, never, MINUTE);
  const text = `GET /callback?code=a&state=${STATE} HTTP/1.1\r\nHost: localhost:${server.port}\r\n\r\n`;
  using browser = await rawConnect(server.port, text, "::1");
  strictEqual((await answer).get("code"), "a");
  server.done({ ok: true });
  strictEqual((await browser.response)?.status, 200);
});

Deno.test("a browser that is faster than the flow waits for it", async () => {
  await using server = serve();
  using browser = await rawConnect(server.port, get(server.port, `/callback?code=a&state=${STATE}`));
  using stranger = await rawConnect(server.port, get(server.port, `/callback?code=b&state=other`));
  for (let i = 0; i < 20; i++) await turn();
  strictEqual((await server.answer(STATE, never, MINUTE)).get("code"), "a");
  server.done({ ok: true });
  strictEqual((await browser.response)?.status, 200);
  strictEqual((await stranger.response)?.status, 400);
});

Deno.test("a request that comes in single bytes is understood", async () => {
  await using server = serve();
  const answer = server.answer(STATE, never, MINUTE);
  using browser = await rawConnect(server.port);
  for (const char of get(server.port, `/callback?code=a&state=${STATE}`)) await browser.send(char);
  strictEqual((await answer).get("code"), "a");
  server.done({ ok: true });
  strictEqual((await browser.response)?.status, 200);
});

Deno.test("a code of many kilobytes is understood", async () => {
  await using server = serve();
  const answer = server.answer(STATE, never, MINUTE);
  const code = "c".repeat(30_000);
  using _browser = await rawConnect(server.port, get(server.port, `/callback?code=${code}&state=${STATE}`));
  strictEqual((await answer).get("code"), code);
  server.done({ ok: true });
});

const ignored: [what: string, target: string][] = [
  ["an answer without a state", "/callback?code=evil"],
  ["an answer with an empty state", "/callback?code=evil&state="],
  ["an answer with another state", "/callback?code=evil&state=other"],
  ["an answer with the state in other letters", `/callback?code=evil&state=${STATE.toLowerCase()}`],
  ["an answer with the beginning of the state", `/callback?code=evil&state=${STATE.slice(0, -1)}`],
  ["an answer with more than the state", `/callback?code=evil&state=${STATE}x`],
  ["an answer with two states, the right one first", `/callback?code=evil&state=${STATE}&state=other`],
  ["an answer with two states, the right one last", `/callback?code=evil&state=other&state=${STATE}`],
  ["a forged error without a state", "/callback?error=access_denied"],
  ["a forged error with another state", "/callback?error=access_denied&state=other"],
  ["a bare visit", "/callback"],
];
for (const [what, target] of ignored) {
  Deno.test(`${what} does not end the sign-in, and is told so`, async () => {
    await using server = serve();
    const answer = server.answer(STATE, never, MINUTE);
    const response = await rawRequest(server.port, get(server.port, target));
    strictEqual(response?.status, 400);
    match(response.body, /Not the answer we wait for/);
    await stillWaits(server, answer);
  });
}

const refused: [what: string, text: (port: number) => string, status: number][] = [
  [
    "a page whose name was rebound to this address (DNS rebinding) can't read or answer",
    (port) => `GET /callback?code=evil&state=${STATE} HTTP/1.1\r\nHost: evil.example:${port}\r\n\r\n`,
    403,
  ],
  [
    "a script of another site can't answer",
    (port) => get(port, `/callback?code=evil&state=${STATE}`, ["Origin: https://evil.example"]),
    403,
  ],
  [
    "an image on another site can't answer",
    (port) => get(port, `/callback?code=evil&state=${STATE}`, ["Sec-Fetch-Mode: no-cors"]),
    403,
  ],
  [
    "a form on another site can't answer",
    (port) =>
      `POST /callback?state=${STATE} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: 9\r\n\r\ncode=evil`,
    405,
  ],
  [
    "HEAD is no answer",
    (port) => get(port, `/callback?code=evil&state=${STATE}`).replace("GET", "HEAD"),
    405,
  ],
  ["another path is no answer", (port) => get(port, `/?code=evil&state=${STATE}`), 404],
  ["the browser's search for an icon is no answer", (port) => get(port, "/favicon.ico"), 404],
  ["garbage is no answer", () => "\x00\xff\x16garbage\r\n\r\n", 400],
  ["an endless head is no answer", () => `GET /${"a".repeat(70_000)}`, 431],
];
for (const [what, text, status] of refused) {
  Deno.test(`${what}; the sign-in goes on`, async () => {
    await using server = serve();
    const answer = server.answer(STATE, never, MINUTE);
    const response = await rawRequest(server.port, text(server.port));
    strictEqual(response?.status, status);
    match(response.headers.get("content-type") ?? "", /^text\/plain/);
    strictEqual(response.headers.get("connection"), "close");
    ok(!response.body.includes(STATE));
    await stillWaits(server, answer);
  });
}

Deno.test("who sends more than was asked for before reading still reads the answer", async () => {
  await using server = serve();
  using conn = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const size = 900_000;
  const head = `POST /callback HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nContent-Length: ${size}\r\n\r\n`;
  const bytes = new TextEncoder().encode(head + "x".repeat(size));
  for (let sent = 0; sent < bytes.length;) {
    sent += await conn.write(bytes.subarray(sent, sent + 300_000));
    // The server has its turn, and has answered by then.
    await rawRequest(server.port, get(server.port, "/"));
  }
  const answer = new Uint8Array(1000);
  const count = await conn.read(answer);
  match(new TextDecoder().decode(answer.subarray(0, count ?? 0)), /^HTTP\/1\.1 405 /);
});

Deno.test("an answer is used once: neither a second one with the right state nor its own copy counts", async () => {
  await using server = serve();
  const answer = server.answer(STATE, never, MINUTE);
  using browser = await rawConnect(server.port, get(server.port, `/callback?code=first&state=${STATE}`));
  strictEqual((await answer).get("code"), "first");

  const second = await rawRequest(server.port, get(server.port, `/callback?code=second&state=${STATE}`));
  strictEqual(second?.status, 410);
  match(second.body, /Already used/);

  server.done({ ok: true });
  strictEqual((await browser.response)?.status, 200);
  const copy = await rawRequest(server.port, get(server.port, `/callback?code=first&state=${STATE}`));
  strictEqual(copy?.status, 410);
});

Deno.test("a person who reloads while the exchange is under way sees how it ends", async () => {
  await using server = serve();
  const answer = server.answer(STATE, never, MINUTE);
  const text = get(server.port, `/callback?code=a&state=${STATE}`);
  const first = await rawConnect(server.port, text);
  await answer;
  first[Symbol.dispose]();
  await first.response;
  using again = await rawConnect(server.port, text);
  // It is known to wait when a request that came after it has been answered.
  await rawRequest(server.port, get(server.port, "/"));
  server.done({ ok: true });
  strictEqual((await again.response)?.status, 200);
});

Deno.test("nobody who comes in time: the wait ends, and who comes later is told", async () => {
  await using server = serve();
  await rejects(server.answer(STATE, never, 20), { code: "DEADLINE" });
  const late = await rawRequest(server.port, get(server.port, `/callback?code=a&state=${STATE}`));
  strictEqual(late?.status, 410);
  match(late.body, /too late/);
});

Deno.test("connections that say nothing, as browsers open them, don't stand in the way", async () => {
  await using server = serve();
  const answer = server.answer(STATE, never, MINUTE);
  const idle = await Promise.all(Array.from({ length: 150 }, () => rawConnect(server.port)));
  await stillWaits(server, answer);
  for (const client of idle) client[Symbol.dispose]();
  await Promise.all(idle.map(({ response }) => response));
});

Deno.test("a flood of requests does not push out the browser that waits", async () => {
  await using server = serve();
  const answer = server.answer(STATE, never, MINUTE);
  using browser = await rawConnect(server.port, get(server.port, `/callback?code=a&state=${STATE}`));
  await answer;
  const flood = await Promise.all(Array.from({ length: 150 }, () => rawConnect(server.port)));
  server.done({ ok: true });
  strictEqual((await browser.response)?.status, 200);
  for (const client of flood) client[Symbol.dispose]();
  await Promise.all(flood.map(({ response }) => response));
});

Deno.test("an abort ends the wait at once and frees the port, whoever is connected", async () => {
  const aborter = new AbortController();
  const server = serve(aborter.signal);
  const answer = server.answer(STATE, never, MINUTE);
  using idle = await rawConnect(server.port);
  using half = await rawConnect(server.port, "GET /callback?code=a");
  await rawRequest(server.port, get(server.port, "/"));

  const start = performance.now();
  const reason = new Error("stdin has ended");
  aborter.abort(reason);
  await rejects(answer, reason);
  await server[Symbol.asyncDispose]();
  ok(performance.now() - start < 1000, "it took too long");
  strictEqual(await idle.response, undefined);
  strictEqual(await half.response, undefined);
  await isFree(server.port);
});

Deno.test("an abort of the wait alone leaves the server to say so", async () => {
  await using server = serve();
  const aborter = new AbortController();
  const answer = server.answer(STATE, aborter.signal, MINUTE);
  const reason = new Error("another copy has signed in");
  aborter.abort(reason);
  await rejects(answer, reason);
  strictEqual(
    (await rawRequest(server.port, get(server.port, `/callback?code=a&state=${STATE}`)))?.status,
    410,
  );
});

Deno.test("what was aborted before it began is closed", async () => {
  const server = serve(AbortSignal.abort(new Error("gone")));
  await server[Symbol.asyncDispose]();
  await isFree(server.port);
});

Deno.test("closing ends the wait, and tells the browser whose exchange was under way", async () => {
  const server = serve();
  const answer = server.answer(STATE, never, MINUTE);
  using browser = await rawConnect(server.port, get(server.port, `/callback?code=a&state=${STATE}`));
  await answer;
  await server[Symbol.asyncDispose]();
  const response = await browser.response;
  strictEqual(response?.status, 400);
  match(response.body, /ended before it was complete/);
  await isFree(server.port);
});

Deno.test("closing while nobody has come ends the wait", async () => {
  const server = serve();
  const answer = server.answer(STATE, never, MINUTE);
  await Promise.all([rejects(answer, { code: "CLOSED" }), server[Symbol.asyncDispose]()]);
  await isFree(server.port);
});

Deno.test("closing right after the end still shows the page", async () => {
  const server = serve();
  const answer = server.answer(STATE, never, MINUTE);
  using browser = await rawConnect(server.port, get(server.port, `/callback?code=a&state=${STATE}`));
  await answer;
  server.done({ ok: true });
  await server[Symbol.asyncDispose]();
  match((await browser.response)?.body ?? "", /You’re signed in[^]*<\/html>/);
});

Deno.test("a browser that has gone does not delay the end", async () => {
  const server = serve();
  const answer = server.answer(STATE, never, MINUTE);
  const browser = await rawConnect(server.port, get(server.port, `/callback?code=a&state=${STATE}`));
  await answer;
  browser[Symbol.dispose]();
  await browser.response;
  server.done({ ok: true });
  const start = performance.now();
  await server[Symbol.asyncDispose]();
  ok(performance.now() - start < 1000);
});

Deno.test("an answer that came another way is taken once, and only with the right state", async () => {
  await using server = serve();
  const answer = server.answer(STATE, never, MINUTE);
  strictEqual(await server.offer(new URLSearchParams({ code: "a", state: "other" })), "unexpected");
  strictEqual(await server.offer(new URLSearchParams({ code: "b", state: STATE })), "taken");
  strictEqual((await answer).get("code"), "b");
  strictEqual(await server.offer(new URLSearchParams({ code: "c", state: STATE })), "used");
  const response = await rawRequest(server.port, get(server.port, `/callback?code=d&state=${STATE}`));
  strictEqual(response?.status, 410);
});

Deno.test("an empty state is nobody's", async () => {
  await using server = serve();
  const answer = server.answer("", never, 200);
  const expired = rejects(answer, { code: "DEADLINE" });
  let status: number | undefined;
  rawRequest(server.port, get(server.port, "/callback?code=a&state=")).then((it) => status = it?.status);
  await until(() => status !== undefined);
  strictEqual(status, 400);
  await expired;
});
