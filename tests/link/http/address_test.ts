/** A URL's server at an address of our choice: the name stays what the server sees. */
import { match, ok, strictEqual } from "node:assert/strict";
import { createHttpClient, type HttpClient, type HttpReply } from "../../../src/link/http/http_client.ts";
import { openAddressTunnel } from "../../../src/link/http/address_tunnel.ts";
import { collectedLog } from "../../support/collected_log.ts";
import { fullBacklog } from "../../support/full_backlog.ts";

const TLS = new URL("../../support/tls/", import.meta.url);
const CA = Deno.readTextFileSync(new URL("ca.pem", TLS));
const KEY = Deno.readTextFileSync(new URL("server_key.pem", TLS));

interface Place {
  readonly port: number;
  readonly seen: readonly {
    readonly host: string | null;
    readonly body: string;
    readonly token: string | null;
  }[];
  readonly [Symbol.asyncDispose]: () => Promise<void>;
}

/** A server that notes what it was sent, and answers with as much. */
function serve(hostname: string, certificate?: string): Place {
  const seen: { host: string | null; body: string; token: string | null }[] = [];
  const tls = certificate === undefined
    ? {}
    : { cert: Deno.readTextFileSync(new URL(certificate, TLS)), key: KEY };
  const server = Deno.serve(
    { hostname, port: 0, onListen() {}, ...tls },
    async (request) => {
      const body = await request.text();
      seen.push({ host: request.headers.get("host"), body, token: request.headers.get("authorization") });
      return new Response(body, { headers: { "set-cookie": `at=${hostname}` } });
    },
  );
  return { port: server.addr.port, seen, [Symbol.asyncDispose]: () => server.shutdown() };
}

interface Options {
  readonly address: { readonly hostname: string; readonly port: number };
  readonly connectTimeoutMs?: number;
}

function client(url: string, options: Options): HttpClient & Disposable {
  const it = createHttpClient({
    endpoint: url,
    url: new URL(url),
    headers: [["Authorization", "Bearer own"]],
    userAgent: "test",
    caCerts: [CA],
    cookies: true,
    logger: collectedLog().logger,
    ...options,
  });
  return { ...it, [Symbol.dispose]: it.close };
}

function post({ send }: HttpClient, url: string, body = "hello"): Promise<HttpReply> {
  return send({
    method: "POST",
    url: new URL(url),
    headers: {},
    body: new TextEncoder().encode(body),
    signal: AbortSignal.timeout(20_000),
  });
}

async function answered(reply: Promise<HttpReply>): Promise<string> {
  const it = await reply;
  if ("failure" in it) throw new Error(it.failure.message);
  return await it.response.text();
}

async function failed(reply: Promise<HttpReply>) {
  const it = await reply;
  ok("failure" in it, "it was answered");
  return it;
}

Deno.test("a URL's server is reached at the address, and sees the name as its Host", async () => {
  await using server = serve("127.0.0.2");
  const url = "http://nowhere.invalid:1234/mcp?a=b";
  using http = client(url, { address: { hostname: "127.0.0.2", port: server.port } });
  strictEqual(await answered(post(http, url)), "hello");
  strictEqual(await answered(post(http, url, "again")), "again");
  strictEqual(server.seen.map(({ host }) => host).join(), "nowhere.invalid:1234,nowhere.invalid:1234");
  strictEqual(server.seen[0]?.token, "Bearer own");
});

Deno.test("the request to the address names the path alone, as servers are used to", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.3", port: 0 });
  const url = "http://nowhere.invalid/mcp?a=b";
  using http = client(url, { address: { hostname: "127.0.0.3", port: listener.addr.port } });
  const sending = answered(post(http, url));
  using conn = await listener.accept();
  let head = "";
  const buffer = new Uint8Array(4096);
  while (!head.includes("hello")) {
    head += new TextDecoder().decode(buffer.subarray(0, (await conn.read(buffer))!));
  }
  await conn.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"));
  strictEqual(await sending, "ok");
  match(head, /^POST \/mcp\?a=b HTTP\/1\.1\r\n/);
  match(head, /\r\nhost: nowhere\.invalid\r\n/i);
  strictEqual(head.match(/\r\nhost:/gi)?.length, 1);
});

Deno.test("an https URL's server is reached at the address, and its certificate is for the name", async () => {
  await using server = serve("127.0.0.3", "server.pem");
  const url = "https://mcp.test/mcp";
  using http = client(url, { address: { hostname: "127.0.0.3", port: server.port } });
  const large = "x".repeat(3_000_000);
  strictEqual(await answered(post(http, url, large)), large);
  const bodies = await Promise.all(
    Array.from({ length: 20 }, (_, i) => answered(post(http, url, `${i}`))),
  );
  strictEqual(bodies.join(), Array.from({ length: 20 }, (_, i) => i).join());
  ok(server.seen.every(({ host }) => host === "mcp.test"));
});

Deno.test("a certificate for another name is refused at the address, and nothing is sent", async () => {
  await using server = serve("127.0.0.3", "other_name.pem");
  const url = "https://mcp.test/mcp";
  using http = client(url, { address: { hostname: "127.0.0.3", port: server.port } });
  const { failure, sent } = await failed(post(http, url));
  strictEqual(failure.code, "TLS");
  strictEqual(sent, false);
  strictEqual(server.seen.length, 0);
});

for (const scheme of ["http", "https"]) {
  Deno.test(`nobody at the address: ${scheme} tells of a refused connection, and that nothing was sent`, async () => {
    const listener = Deno.listen({ hostname: "127.0.0.2", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const url = `${scheme}://mcp.test/mcp`;
    using http = client(url, { address: { hostname: "127.0.0.2", port } });
    const { failure, sent } = await failed(post(http, url));
    strictEqual(failure.code, "UNREACHABLE");
    match(failure.message, /the connection was refused/);
    strictEqual(sent, false);
  });

  Deno.test(`an address that does not answer: ${scheme} gives up when --connect-timeout says so (Linux)`, {
    ignore: Deno.build.os !== "linux",
  }, async () => {
    using full = await fullBacklog();
    const url = `${scheme}://mcp.test/mcp`;
    const address = { hostname: "127.0.0.1", port: full.port };
    using http = client(url, { address, connectTimeoutMs: 300 });
    strictEqual((await failed(post(http, url))).failure.code, "CONNECT_TIMEOUT");
  });
}

Deno.test("whoever gives up a request to an address that does not answer waits no longer (Linux)", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  using full = await fullBacklog();
  const url = "https://mcp.test/mcp";
  using http = client(url, { address: { hostname: "127.0.0.1", port: full.port } });
  const gone = new AbortController();
  const sending = http.send({ method: "POST", url: new URL(url), headers: {}, signal: gone.signal });
  gone.abort();
  ok("failure" in await sending);
});

Deno.test("another origin that the address redirects to is connected to by its name, without credentials", async () => {
  await using other = serve("127.0.0.1");
  const redirecting = Deno.serve({ hostname: "127.0.0.2", port: 0, onListen() {} }, async (request) => {
    await request.body?.cancel();
    return new Response(null, { status: 307, headers: { location: `http://127.0.0.1:${other.port}/x` } });
  });
  const url = "http://nowhere.invalid/mcp";
  using http = client(url, { address: { hostname: "127.0.0.2", port: redirecting.addr.port } });
  strictEqual(await answered(post(http, url)), "hello");
  strictEqual(other.seen[0]?.host, `127.0.0.1:${other.port}`);
  strictEqual(other.seen[0]?.token, null);
  await redirecting.shutdown();
});

Deno.test("the tunnel leads its own client to its own name, and nobody else anywhere", async () => {
  await using server = serve("127.0.0.2");
  const tunnel = openAddressTunnel({ hostname: "127.0.0.2", port: server.port }, "mcp.test:443");
  const { url, basicAuth: { username, password } } = tunnel.proxy;
  const proof = btoa(`${username}:${password}`);
  const ask = async (head: string) => {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(new URL(url).port) });
    await conn.write(new TextEncoder().encode(head));
    const buffer = new Uint8Array(1024);
    const count = await conn.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, count ?? 0)).split("\r\n")[0];
  };
  const head = (authority: string, secret: string) =>
    `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\nProxy-Authorization: Basic ${secret}\r\n\r\n`;
  const refused = "HTTP/1.1 403 Forbidden";
  strictEqual(await ask(head("mcp.test:443", btoa("tunnel:guess"))), refused);
  strictEqual(await ask(head("mcp.test:443", proof.toLowerCase())), refused);
  strictEqual(await ask(head("other.test:443", proof)), refused);
  strictEqual(await ask(`CONNECT mcp.test:443 HTTP/1.1\r\n\r\n`), refused);
  strictEqual(
    await ask(`GET http://mcp.test:443/ HTTP/1.1\r\nProxy-Authorization: Basic ${proof}\r\n\r\n`),
    refused,
  );
  strictEqual(await ask(head("mcp.test:443", proof)), "HTTP/1.1 200 Connection established");
  tunnel.close();
  strictEqual(server.seen.length, 0);
});

/** What a process of its own gets from the server. */
async function apart(
  url: string,
  port: number,
  env: Readonly<Record<string, string>>,
  permissions: readonly string[] = ["-A"],
): Promise<string> {
  const script = new URL("address_client.ts", import.meta.url).href;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...permissions, script, url, "127.0.0.2", `${port}`, CA],
    env,
    stdin: "null",
  }).output();
  return new TextDecoder().decode(stdout) || new TextDecoder().decode(stderr);
}

Deno.test("no proxy and no exception from one comes between a client and the address", async () => {
  await using plain = serve("127.0.0.2");
  await using secure = serve("127.0.0.2", "server.pem");
  const nobody = "http://127.0.0.1:9";
  const environments = [
    { HTTP_PROXY: nobody, HTTPS_PROXY: nobody },
    { ALL_PROXY: nobody, NO_PROXY: "mcp.test" },
    { NO_PROXY: "*", no_proxy: "*" },
  ];
  for (const env of environments) {
    const both = [apart("http://mcp.test/", plain.port, env), apart("https://mcp.test/", secure.port, env)];
    strictEqual((await Promise.all(both)).join(), "hello,hello", JSON.stringify(env));
  }
  ok([...plain.seen, ...secure.seen].every(({ host }) => host === "mcp.test"));
});

Deno.test("a missing permission is named: for the name, for the address, and for the way to it in TLS", async () => {
  await using plain = serve("127.0.0.2");
  const { port } = plain;
  const table: [url: string, granted: string, answer: RegExp][] = [
    ["http://mcp.test/", "127.0.0.2", /^PERMISSION: .*mcp\.test:80: .*; .*--allow-net=mcp\.test:80$/],
    ["http://mcp.test/", "mcp.test:80", new RegExp(`^PERMISSION: .*--allow-net=127\\.0\\.0\\.2:${port}$`)],
    ["http://mcp.test/", `mcp.test:80,127.0.0.2:${port}`, /^hello$/],
    ["https://mcp.test/", `mcp.test:443,127.0.0.2:${port}`, /^PERMISSION: .*--allow-net=127\.0\.0\.1$/],
    ["https://mcp.test/", `mcp.test:443,127.0.0.2:${port},127.0.0.1`, /^TLS: /],
  ];
  await Promise.all(table.map(async ([url, granted, answer]) => {
    match(await apart(url, port, {}, [`--allow-net=${granted}`]), answer, granted);
  }));
});
