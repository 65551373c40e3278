import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { Failure } from "../../../src/link/failure.ts";
import { collectedLog } from "../../support/collected_log.ts";
import { isLoopback } from "../../../src/link/http/deno_client.ts";
import { createHttpClient, type HttpReply } from "../../../src/link/http/http_client.ts";

/** What a server saw of a request. */
interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

interface Site {
  readonly origin: string;
  readonly seen: Seen[];
}

/** Serves on loopback what `answer` says, and notes what it was asked. */
function serve(answer: (path: string) => Response): Site & AsyncDisposable {
  const seen: Seen[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { method, headers } = request;
    const path = new URL(request.url).pathname;
    seen.push({ method, path, headers, body: await request.text() });
    return answer(path);
  });
  const { port } = server.addr;
  return { origin: `http://127.0.0.1:${port}`, seen, [Symbol.asyncDispose]: () => server.shutdown() };
}

const redirect = (status: number, location?: string) =>
  new Response("gone", { status, headers: location === undefined ? {} : { location } });

const ok200 = () => new Response("here");

/** Posts to `/start` of a site with a client whose user gave it a credential, and reads the answer. */
async function post(site: Site): Promise<HttpReply & { text?: string }> {
  const url = new URL("/start", site.origin);
  const client = createHttpClient({
    endpoint: "E",
    url,
    headers: [["Authorization", "Bearer hunter2"], ["X-Team", "a"], ["x-team", "b"]],
    userAgent: "test/1",
    caCerts: [],
    cookies: true,
    logger: collectedLog().logger,
  });
  try {
    const reply = await client.send({
      method: "POST",
      url,
      headers: { "content-type": "application/json" },
      body: new TextEncoder().encode('{"n":1}'),
      signal: new AbortController().signal,
    });
    return "response" in reply ? { ...reply, text: await reply.response.text() } : reply;
  } finally {
    client.close();
  }
}

function failed(reply: HttpReply): Failure {
  ok("failure" in reply, "the redirect was followed");
  strictEqual(reply.sent, false);
  return reply.failure;
}

for (const status of [300, 301, 302, 307, 308]) {
  Deno.test(`a POST that is redirected with ${status} stays a POST, with its body and headers`, async () => {
    await using site = serve((path) => path === "/start" ? redirect(status, "/next") : ok200());
    const reply = await post(site);
    strictEqual(reply.text, "here");
    ok("url" in reply);
    strictEqual(reply.url.href, `${site.origin}/next`);
    const [, next] = site.seen;
    deepStrictEqual([next?.method, next?.path, next?.body], ["POST", "/next", '{"n":1}']);
    strictEqual(next?.headers.get("authorization"), "Bearer hunter2");
    strictEqual(next?.headers.get("content-type"), "application/json");
  });
}

Deno.test("the user's headers go to the endpoint's origin and to no other, on the way back too", async () => {
  const sites: Site[] = [];
  await using home = serve((path) =>
    path === "/start" ? redirect(307, `${sites[0]!.origin}/there`) : ok200()
  );
  await using away = serve(() => redirect(307, `${home.origin}/back`));
  sites.push(away);
  strictEqual((await post(home)).text, "here");
  const [first, back] = home.seen;
  const [there] = away.seen;
  deepStrictEqual(
    [first, there, back].map((it) => [it?.path, it?.headers.get("authorization"), it?.headers.get("x-team")]),
    [["/start", "Bearer hunter2", "a, b"], ["/there", null, null], ["/back", "Bearer hunter2", "a, b"]],
  );
  deepStrictEqual([there?.headers.get("user-agent"), there?.body], ["test/1", '{"n":1}']);
});

Deno.test("a 303 is refused: what lies behind it is a page", async () => {
  await using site = serve(() => redirect(303, "/login"));
  const { code, status, message } = failed(await post(site));
  deepStrictEqual([code, status], ["REFUSED", 303]);
  match(message, /\/login/);
  strictEqual(site.seen.length, 1);
});

Deno.test("redirects that lead nowhere, or away from HTTP, are refused", async () => {
  for (
    const location of [
      undefined,
      "http://",
      "ftp://example.com/",
      "javascript:alert(1)",
      "file:///etc/passwd",
    ]
  ) {
    await using site = serve(() => redirect(302, location));
    const { code, status } = failed(await post(site));
    deepStrictEqual([code, status, site.seen.length], ["REFUSED", 302, 1], location);
  }
});

Deno.test("redirects are followed five times and no more", async () => {
  await using five = serve((path) =>
    path === "/5" ? ok200() : redirect(302, path === "/start" ? "/1" : `/${+path.slice(1) + 1}`)
  );
  strictEqual((await post(five)).text, "here");
  strictEqual(five.seen.length, 6);
  await using loop = serve(() => redirect(302, "/start"));
  match(failed(await post(loop)).message, /more than 5 times/);
  strictEqual(loop.seen.length, 6);
});

Deno.test("a refusal to follow shows the address without its query and credentials", async () => {
  await using site = serve(() => redirect(303, "http://user:hunter2@127.0.0.1:9/login?token=hunter2#x"));
  const { message, hint } = failed(await post(site));
  match(message, /http:\/\/127\.0\.0\.1:9\/login/);
  ok(!`${message}${hint}`.includes("hunter2"));
});

Deno.test("statuses that are no redirects are handed on, 304 among them", async () => {
  for (const status of [200, 304, 400, 500]) {
    await using site = serve(() => new Response(status === 304 ? null : "x", { status }));
    const reply = await post(site);
    ok("response" in reply);
    strictEqual(reply.response.status, status);
  }
});

Deno.test("isLoopback knows this machine by its names and addresses", () => {
  for (const host of ["localhost", "LOCALHOST", "mcp.localhost", "127.0.0.1", "127.9.9.9", "[::1]"]) {
    strictEqual(isLoopback(new URL(`http://${host}:1/`)), true, host);
  }
  for (
    const host of [
      "example.com",
      "localhost.example.com",
      "127.0.0.1.example.com",
      "128.0.0.1",
      "[::2]",
      "0.0.0.0",
    ]
  ) {
    strictEqual(isLoopback(new URL(`http://${host}:1/`)), false, host);
  }
});
