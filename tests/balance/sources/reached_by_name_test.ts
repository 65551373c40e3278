/** What is looked up is spoken to: the peers of a name's addresses reach one server each, by that name. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { watchSources } from "../../../src/balance/sources/watch_sources.ts";
import type { UpstreamSettings } from "../../../src/config/balance_settings.ts";
import { request } from "../../../src/jsonrpc/answers.ts";
import { openPeer } from "../../../src/link/open_peer.ts";
import type { Outcome } from "../../../src/link/peer.ts";
import { parseUpstream } from "../../../src/link/parse_upstream.ts";
import { collectedLog } from "../../support/collected_log.ts";
import { type DnsRecords, startDnsServer } from "../../support/dns_server.ts";

const TLS = new URL("../../support/tls/", import.meta.url);
const CA = Deno.readTextFileSync(new URL("ca.pem", TLS));

/** A server that answers everything with its address and the host that it was called by. */
function serve(hostname: string, port: number, secure: boolean) {
  const tls = secure
    ? {
      cert: Deno.readTextFileSync(new URL("server.pem", TLS)),
      key: Deno.readTextFileSync(new URL("server_key.pem", TLS)),
    }
    : {};
  return Deno.serve({ hostname, port, onListen() {}, ...tls }, async (request) => {
    const { id } = await request.json();
    return Response.json({ jsonrpc: "2.0", id, result: { at: hostname, host: request.headers.get("host") } });
  });
}

/** The upstreams that an entry stands for at first. */
async function lookedUp(
  text: string,
  names: Readonly<Record<string, DnsRecords>>,
): Promise<readonly UpstreamSettings[]> {
  await using dns = await startDnsServer(names);
  const over = new AbortController();
  const { endpoint, weight, drain, lookup } = parseUpstream(text, "posix");
  ok(lookup !== undefined);
  const { first } = watchSources({
    balance: {
      upstreams: [],
      sources: [{ ...lookup, upstream: { endpoint, transport: "auto", weight, drain } }],
      policy: "round-robin",
      affinity: "none",
      checkTimeoutMs: 5000,
      slowStartMs: 0,
      maxEjectedPercent: 50,
      dnsRefreshMs: 3_600_000,
      dnsServer: dns.at,
    },
    transport: "auto",
    logger: collectedLog().logger,
    changed: () => {},
    signal: over.signal,
  });
  const upstreams = await first;
  over.abort();
  return upstreams;
}

async function ask({ endpoint, address }: UpstreamSettings): Promise<Outcome> {
  const peer = await openPeer({
    endpoint,
    transport: endpoint.kind === "http" ? "http" : "auto",
    protocol: "legacy",
    caCerts: [CA],
    ...(address && { address }),
  }, collectedLog().logger);
  const { outcome } = peer.request(request("1", "tools/list"));
  const it = await outcome;
  await peer.close();
  return it;
}

async function answers(upstreams: readonly UpstreamSettings[]): Promise<{ at: string; host: string }[]> {
  const outcomes = await Promise.all(upstreams.map(ask));
  return outcomes.map((it) => {
    ok(it.kind === "answered", JSON.stringify(it));
    return JSON.parse(it.message.text).result;
  });
}

for (const secure of [false, true]) {
  const scheme = secure ? "https" : "http";
  Deno.test(`the addresses of an ${scheme} name are a server each, which is called by that name`, async () => {
    await using one = serve("127.0.0.2", 0, secure);
    const { port } = one.addr;
    await using _two = serve("127.0.0.3", port, secure);
    const entry = `dns+${scheme}://mcp.test:${port}/mcp`;
    const upstreams = await lookedUp(entry, { "mcp.test": { A: ["127.0.0.3", "127.0.0.2"] } });
    const host = `mcp.test:${port}`;
    deepStrictEqual(await answers(upstreams), [{ at: "127.0.0.2", host }, { at: "127.0.0.3", host }]);
  });

  Deno.test(`the SRV records of an ${scheme} name lead to servers that are called by their own`, async () => {
    await using one = serve("127.0.0.2", 0, secure);
    await using two = serve("127.0.0.3", 0, secure);
    const upstreams = await lookedUp(`srv+${scheme}://_mcp._tcp.x.test/mcp`, {
      "_mcp._tcp.x.test": { SRV: [`0 1 ${one.addr.port} mcp.test.`, `0 1 ${two.addr.port} mcp.test.`] },
      "mcp.test": { A: ["127.0.0.2", "127.0.0.3"] },
    });
    // Each port is listened on at one of the addresses only.
    const there = upstreams.filter(({ address }) =>
      address?.port === (address?.hostname === "127.0.0.2" ? one : two).addr.port
    );
    strictEqual(upstreams.length, 4);
    deepStrictEqual((await answers(there)).toSorted((a, b) => a.at < b.at ? -1 : 1), [
      { at: "127.0.0.2", host: `mcp.test:${one.addr.port}` },
      { at: "127.0.0.3", host: `mcp.test:${two.addr.port}` },
    ]);
  });
}

Deno.test("a server whose certificate is for another name is not spoken to, whatever DNS says", async () => {
  await using server = serve("127.0.0.2", 0, true);
  const upstreams = await lookedUp(`srv+https://_mcp._tcp.x.test/mcp`, {
    "_mcp._tcp.x.test": { SRV: [`0 1 ${server.addr.port} other.test.`] },
    "other.test": { A: ["127.0.0.2"] },
  });
  const outcome = await ask(upstreams[0]!);
  ok(outcome.kind === "not_sent", outcome.kind);
  match(outcome.failure.code, /TLS/);
});

Deno.test("a TCP name's addresses are a server each", async () => {
  using one = Deno.listen({ hostname: "127.0.0.2", port: 0 });
  using two = Deno.listen({ hostname: "127.0.0.3", port: one.addr.port });
  const upstreams = await lookedUp(`dns+tcp://mcp.test:${one.addr.port}`, {
    "mcp.test": { A: ["127.0.0.2", "127.0.0.3"] },
  });
  for (const [i, listener] of [one, two].entries()) {
    const [outcome] = await Promise.all([
      ask(upstreams[i]!),
      listener.accept().then(async (conn) => {
        const buffer = new Uint8Array(4096);
        let text = "";
        while (!text.endsWith("\n")) {
          text += new TextDecoder().decode(buffer.subarray(0, (await conn.read(buffer))!));
        }
        const { id } = JSON.parse(text);
        await conn.write(
          new TextEncoder().encode(`${JSON.stringify({ jsonrpc: "2.0", id, result: { at: i } })}\n`),
        );
        while (await conn.read(buffer) !== null);
        conn.close();
      }),
    ]);
    ok(outcome.kind === "answered", JSON.stringify(outcome));
    strictEqual(JSON.parse(outcome.message.text).result.at, i);
  }
});
