/** What the one way of OAuth's requests forbids, each test named for it. */
import { deepStrictEqual, doesNotMatch, match, ok, rejects, strictEqual } from "node:assert/strict";
import type { SignInError } from "../../src/oauth/errors.ts";
import { guardedFetch, type GuardedFetchOptions } from "../../src/oauth/guarded_fetch.ts";
import { setTrap, startHostileServer } from "./hostile_server.ts";

const TLS = new URL("../support/tls/", import.meta.url);
const read = (name: string) => Deno.readTextFileSync(new URL(name, TLS));
const SERVER = { cert: read("server.pem"), key: read("server_key.pem") };

function fetchFrom(mcpUrl: string | URL, more: Partial<GuardedFetchOptions> = {}) {
  const guarded = guardedFetch({
    mcpUrl: new URL(mcpUrl),
    allowPrivate: false,
    caCerts: [],
    userAgent: "tests/1",
    proxied: () => false,
    resolve: () => Promise.reject(new Error("no such host")),
    ...more,
  });
  return {
    get: (url: string, signal: AbortSignal = new AbortController().signal) =>
      guarded.send(url, { method: "GET", headers: { accept: "application/json" }, signal }),
    post: (url: string, body = "secret=1") =>
      guarded.send(url, { method: "POST", headers: {}, body, signal: new AbortController().signal }),
    check: guarded.check,
  };
}

const PUBLIC = "https://mcp.example/mcp";
const BLOCKED = { name: "SignInError", code: "BLOCKED" };

Deno.test("metadata leads to no address that strangers can't reach, however it is spelt", async () => {
  using trap = setTrap();
  const { get, check } = fetchFrom(PUBLIC);
  const hosts = [
    "127.0.0.1",
    "localhost",
    "a.localhost",
    "[::1]",
    "0x7f.1",
    "2130706433",
    "0.0.0.0",
    "[::ffff:127.0.0.1]",
    "10.0.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[64:ff9b::7f00:1]",
    "100.64.0.1",
  ];
  for (const host of hosts) {
    for (const scheme of ["https", "http"]) {
      await rejects(get(`${scheme}://${host}:${trap.port}/x`), BLOCKED, host);
      await rejects(check(`${scheme}://${host}:${trap.port}/x`), BLOCKED, host);
    }
  }
  strictEqual(trap.connections, 0);
});

Deno.test("a name leads to no address that strangers can't reach, nor does one of its addresses", async () => {
  using trap = setTrap();
  for (
    const addresses of [["127.0.0.1"], ["10.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"], [
      "nonsense",
    ]]
  ) {
    const { get } = fetchFrom(PUBLIC, {
      resolve: (name) => Promise.resolve(name === "mcp.example" ? ["8.8.8.8"] : addresses),
    });
    await rejects(get(`https://evil.example:${trap.port}/x`), BLOCKED, addresses.join());
  }
  strictEqual(trap.connections, 0);
});

Deno.test("a name of the MCP server's that leads to this machine opens this machine to nobody", async () => {
  using trap = setTrap();
  const { get } = fetchFrom(PUBLIC, { resolve: () => Promise.resolve(["127.0.0.1"]) });
  await rejects(get(`https://127.0.0.1:${trap.port}/x`), BLOCKED);
  await rejects(get(`https://other.example:${trap.port}/x`), BLOCKED);
  strictEqual(trap.connections, 0);
});

Deno.test("a redirect leads nowhere that could not be asked at once", async () => {
  using trap = setTrap();
  const targets = [
    "http://10.0.0.1/x",
    "https://10.0.0.1/x",
    "https://169.254.169.254/latest/meta-data/",
    "http://example.com/x",
    "file:///etc/passwd",
    "data:application/json,{}",
    `https://user:pass@127.0.0.1:${trap.port}/`,
    "https://evil.example/x",
  ];
  await using server = startHostileServer({
    routes: Object.fromEntries(targets.map((target, i) => [
      `GET /${i}`,
      () => new Response("x", { status: [301, 302, 303, 307, 308][i % 5]!, headers: { location: target } }),
    ])),
  });
  const { get } = fetchFrom(server.mcpUrl, { resolve: () => Promise.resolve(["10.1.2.3"]) });
  for (const i of targets.keys()) await rejects(get(`${server.origin}/${i}`), BLOCKED, targets[i]!);
  strictEqual(trap.connections, 0);
});

Deno.test("redirects do not go on for ever, and lead somewhere", async () => {
  await using server = startHostileServer({
    routes: {
      "GET /round": () => new Response(null, { status: 302, headers: { location: "/round" } }),
      "GET /nowhere": () => new Response(null, { status: 302 }),
      "GET /once": () => new Response(null, { status: 302, headers: { location: "/there" } }),
      "GET /there": () => Response.json({ here: true }),
    },
  });
  const { get } = fetchFrom(server.mcpUrl);
  await rejects(get(`${server.origin}/round`), { code: "REDIRECT" });
  strictEqual(server.seen.length, 4);
  await rejects(get(`${server.origin}/nowhere`), { code: "REDIRECT" });
  deepStrictEqual(await (await get(`${server.origin}/once`)).json(), { here: true });
});

Deno.test("what holds credentials is sent to no place but the one it is for", async () => {
  await using other = startHostileServer();
  await using server = startHostileServer({
    routes: {
      "POST /token": () =>
        new Response(null, { status: 307, headers: { location: `${other.origin}/token` } }),
    },
  });
  await rejects(fetchFrom(server.mcpUrl).post(`${server.origin}/token`), { code: "REDIRECT" });
  strictEqual(other.seen.length, 0);
});

Deno.test("no scheme but https, or http on this machine, and no user info", async () => {
  const { get, check } = fetchFrom("http://127.0.0.1:1/");
  for (
    const url of [
      "ftp://a.example/",
      "file:///etc/passwd",
      "javascript:alert(1)",
      "http://a.example/",
      "http://10.0.0.1/",
      "https://u@a.example/",
      "https://:p@a.example/",
      "a",
      "",
    ]
  ) {
    await rejects(get(url), BLOCKED, url);
    await rejects(check(url), BLOCKED, url);
  }
});

Deno.test("plain http goes to this machine alone, whatever a name is said to be", async () => {
  const { get } = fetchFrom("http://localhost:1/", {
    allowPrivate: true,
    resolve: () => Promise.resolve(["10.0.0.1"]),
  });
  await rejects(get("http://localhost:1/"), BLOCKED);
});

Deno.test("the address that was checked is the one that is connected to", async () => {
  await using server = startHostileServer({ routes: { "GET /x": () => new Response("honest") } });
  const { port } = new URL(server.origin);
  const asked: string[] = [];
  const { get } = fetchFrom("http://localhost/mcp", {
    // Whoever asks twice is led elsewhere the second time.
    resolve: (name) => {
      asked.push(name);
      return Promise.resolve([asked.length === 1 ? "127.0.0.1" : "10.0.0.1"]);
    },
  });
  const response = await get(`http://localhost:${port}/x`);
  strictEqual(await response.text(), "honest");
  deepStrictEqual(asked, ["localhost"]);
  strictEqual(server.seen[0]?.headers.get("host"), `localhost:${port}`);
});

Deno.test("the address that was reached is checked again before a byte is sent", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const received = (async () => {
    using connection = await listener.accept();
    return await connection.read(new Uint8Array(1));
  })();
  // A name that is public when it is looked up, and this machine when it is connected to.
  const { get } = fetchFrom(PUBLIC, {
    resolve: () => Promise.resolve(["8.8.8.8"]),
    connect: () => Deno.connect({ hostname: "127.0.0.1", port }),
  });
  await rejects(get(`https://evil.example:${port}/x`), BLOCKED);
  strictEqual(await received, null);
  listener.close();
});

Deno.test("where Deno permits no look-up, a name is connected to as it is, and its address judged before a byte is sent", async () => {
  await using server = startHostileServer({ routes: { "GET /x": () => new Response("here") } });
  const { port } = new URL(server.origin);
  const tried: string[] = [];
  const resolve = () => Promise.resolve(undefined);
  const connect = (to: { hostname: string; port: number }) => {
    tried.push(to.hostname);
    return Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  };
  const own = fetchFrom("http://127.0.0.1/mcp", { resolve, connect });
  strictEqual(await (await own.get(`http://localhost:${port}/x`)).text(), "here");
  deepStrictEqual(tried, ["localhost"]);
  const seen = server.seen.length;
  // This one's own name leads to this machine as well, which opens it to nobody.
  await rejects(fetchFrom(PUBLIC, { resolve, connect }).get(`https://evil.example:${port}/x`), BLOCKED);
  strictEqual(server.seen.length, seen);
});

Deno.test("of several addresses that may be asked, one that answers is enough", async () => {
  await using server = startHostileServer({ routes: { "GET /x": () => new Response("here") } });
  const { port } = new URL(server.origin);
  const tried: string[] = [];
  const { get } = fetchFrom("http://127.0.0.1/mcp", {
    resolve: () => Promise.resolve(["::1", "127.0.0.1"]),
    connect: (to) => {
      tried.push(to.hostname);
      return to.hostname === "::1" ? Promise.reject(new Error("refused")) : Deno.connect(to);
    },
  });
  strictEqual(await (await get(`http://localhost:${port}/x`)).text(), "here");
  deepStrictEqual(tried, ["::1", "127.0.0.1"]);
});

Deno.test("private addresses are asked where the MCP server is private too, or the user says so", async () => {
  await using server = startHostileServer({ tls: SERVER });
  const { port } = new URL(server.origin);
  const cases: readonly (readonly [mcpUrl: string, more: Partial<GuardedFetchOptions>])[] = [
    [PUBLIC, { allowPrivate: true }],
    ["http://127.0.0.1:1/mcp", {}],
    ["https://localhost:1/mcp", {}],
    // The very host that the MCP server is on.
    [`https://localhost:${port}/mcp`, {}],
  ];
  for (const [mcpUrl, more] of cases) {
    const { get } = fetchFrom(mcpUrl, {
      caCerts: [read("ca.pem")],
      resolve: () => Promise.resolve(["127.0.0.1"]),
      ...more,
    });
    const response = await get(`https://localhost:${port}/.well-known/oauth-authorization-server`);
    strictEqual(response.status, 200, mcpUrl);
    await response.body?.cancel();
  }
});

Deno.test("no header goes out but those of the request itself", async () => {
  await using server = startHostileServer({ routes: { "POST /x": () => new Response("ok") } });
  const { get, post } = fetchFrom(server.mcpUrl);
  await (await get(`${server.origin}/x`)).text();
  await (await post(`${server.origin}/x`)).text();
  deepStrictEqual(
    server.seen.map(({ headers }) => [...headers.keys()].sort()),
    [
      ["accept", "accept-encoding", "connection", "host", "user-agent"],
      ["accept-encoding", "connection", "content-length", "host", "user-agent"],
    ].map((names) =>
      names.filter((name) => name !== "connection" || server.seen[0]!.headers.has("connection"))
    ),
  );
  strictEqual(server.seen[0]?.headers.get("user-agent"), "tests/1");
});

Deno.test("a cookie that a server sets does not come back", async () => {
  await using server = startHostileServer({
    routes: { "GET /x": () => new Response("ok", { headers: { "set-cookie": "a=b; Path=/" } }) },
  });
  const { get } = fetchFrom(server.mcpUrl);
  for (let i = 0; i < 2; i++) await (await get(`${server.origin}/x`)).text();
  ok(server.seen.every(({ headers }) => !headers.has("cookie")));
});

/** A server that writes what it likes, and then, maybe, waits. */
function startRawAnswer(answer: (write: (text: string) => Promise<void>) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    try {
      for await (const connection of listener) {
        await connection.read(new Uint8Array(4096));
        const write = async (text: string) => {
          let rest = new TextEncoder().encode(text);
          while (rest.length > 0) rest = rest.subarray(await connection.write(rest));
        };
        await answer(write).catch(() => {});
        connection.close();
      }
    } catch {
      // The test is over.
    }
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}/x`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await serving;
    },
  };
}

const endless = async (write: (text: string) => Promise<void>, text: string) => {
  for (;;) await write(text);
};

Deno.test("an answer without end is cut off, whichever part of it has none", async () => {
  const answers: readonly ((write: (text: string) => Promise<void>) => Promise<void>)[] = [
    (write) => endless(write, "x".repeat(1000)),
    async (write) => {
      await write("HTTP/1.1 200 OK\r\n");
      await endless(write, `a: ${"b".repeat(1000)}\r\n`);
    },
    async (write) => {
      await write("HTTP/1.1 200 OK\r\n\r\n");
      await endless(write, "x".repeat(1000));
    },
    async (write) => {
      await write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
      await endless(write, `3e8\r\n${"x".repeat(1000)}\r\n`);
    },
    (write) => write("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n"),
    async (write) => {
      await write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
      await endless(write, "1");
    },
  ];
  for (const [i, answer] of answers.entries()) {
    await using server = startRawAnswer(answer);
    await rejects(
      fetchFrom(server.url, { maxBytes: 64 * 1024 }).get(server.url),
      { code: "BAD_ANSWER" },
      String(i),
    );
  }
});

Deno.test("an answer that is slow is not waited for, however steadily it comes", async () => {
  const end: (() => void)[] = [];
  const stall = () => new Promise<void>((resolve) => end.push(resolve));
  const answers: readonly ((write: (text: string) => Promise<void>) => Promise<void>)[] = [
    stall,
    async (write) => {
      await write("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nx");
      await stall();
    },
  ];
  for (const answer of answers) {
    await using server = startRawAnswer(answer);
    await rejects(fetchFrom(server.url, { timeoutMs: 100 }).get(server.url), { code: "TIMEOUT" });
    end.shift()!();
  }
});

Deno.test("a request ends when its signal says so", async () => {
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const stop = new AbortController();
  await using server = startRawAnswer(async () => {
    stop.abort();
    await over;
  });
  await rejects(fetchFrom(server.url).get(server.url, stop.signal), { code: "CANCELLED" });
  end();
});

Deno.test("answers are read as HTTP/1.1 writes them, and nothing else is", async () => {
  const good: readonly (readonly [answer: string, status: number, body: string])[] = [
    ["HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", 200, "hi"],
    ["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, ""],
    ["HTTP/1.0 404\r\n\r\nto the end", 404, "to the end"],
    [
      "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n2;x=y\r\nhi\r\n3\r\n yo\r\n0\r\n\r\n",
      200,
      "hi yo",
    ],
    [
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\na: b\r\n\r\nHTTP/1.1 201 Created\r\ncontent-length: 1\r\n\r\nx",
      201,
      "x",
    ],
    ["HTTP/1.1 204 No Content\r\n\r\n", 204, ""],
  ];
  for (const [answer, status, body] of good) {
    await using server = startRawAnswer((write) => write(answer));
    const response = await fetchFrom(server.url).get(server.url);
    strictEqual(response.status, status);
    strictEqual(await response.text(), body);
  }
  const bad: readonly (readonly [answer: string, code: string])[] = [
    ["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhi", "UNREACHABLE"],
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhi", "UNREACHABLE"],
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhi", "BAD_ANSWER"],
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nhi\r\n0\r\n\r\n", "BAD_ANSWER"],
    ["HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nx", "BAD_ANSWER"],
    ["HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nx", "BAD_ANSWER"],
    ["HTTP/1.1 101 Switching\r\n\r\n", "BAD_ANSWER"],
    ["HTTP/1.1 999 What\r\n\r\n", "BAD_ANSWER"],
    ["SSH-2.0-OpenSSH\r\n\r\n", "BAD_ANSWER"],
    ["", "UNREACHABLE"],
  ];
  for (const [answer, code] of bad) {
    await using server = startRawAnswer((write) => write(answer));
    await rejects(fetchFrom(server.url).get(server.url), { code }, answer);
  }
});

Deno.test("a certificate that leads to no trusted root is refused, unless its authority was named", async () => {
  await using server = startHostileServer({ tls: SERVER });
  const { port } = new URL(server.origin);
  const url = `https://localhost:${port}/.well-known/oauth-authorization-server`;
  const at = { resolve: () => Promise.resolve(["127.0.0.1"]) };
  await rejects(fetchFrom(url, at).get(url), (error: SignInError) => {
    strictEqual(error.code, "TLS");
    match(error.hint!, /--ca-cert/);
    return true;
  });
  const response = await fetchFrom(url, { ...at, caCerts: [read("ca.pem")] }).get(url);
  strictEqual(response.status, 200);
  await response.text();
});

Deno.test("a certificate for another name is refused", async () => {
  await using server = startHostileServer({ tls: { ...SERVER, cert: read("other_name.pem") } });
  const { port } = new URL(server.origin);
  const url = `https://localhost:${port}/x`;
  const guarded = fetchFrom(url, {
    resolve: () => Promise.resolve(["127.0.0.1"]),
    caCerts: [read("ca.pem")],
  });
  await rejects(guarded.get(url), { code: "TLS" });
});

Deno.test("what can't be reached is said, without the query of its address", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  for (const url of [`http://127.0.0.1:${port}/a?key=SECRET`, "https://a.example/a?key=SECRET"]) {
    await rejects(fetchFrom("http://127.0.0.1/").get(url), (error: SignInError) => {
      strictEqual(error.code, "UNREACHABLE");
      strictEqual(error.transient, true);
      doesNotMatch(error.message, /SECRET/);
      return true;
    });
  }
});
