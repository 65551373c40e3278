/** What an operator does with a pool that is in use: names other upstreams, drains some, looks at what is going on. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { startDnsServer } from "../support/dns_server.ts";
import { type Program, startProgram } from "../support/program.ts";
import { type RawServer, startRawServer } from "../support/raw_server.ts";
import { until } from "../support/until.ts";

/** How often each server was asked to call a tool. */
const counts = (servers: readonly RawServer[]) => servers.map((it) => it.calls("tools/call").length);

async function call(program: Program, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const { error } = await program.request("tools/call", { name: "echo", arguments: { i } });
    strictEqual(error, undefined);
  }
}

/** Calls until the servers' counts are as they shall be, all calls being answered. */
async function callUntil(program: Program, holds: () => boolean): Promise<void> {
  const due = performance.now() + 20_000;
  while (!holds()) {
    if (performance.now() > due) throw new Error(`it did not come true: ${holds}`);
    await call(program, 1);
  }
}

async function startThree(): Promise<RawServer[]> {
  return [await startRawServer(), await startRawServer(), await startRawServer()];
}

async function closeAll(servers: readonly RawServer[]): Promise<void> {
  for (const server of servers) await server[Symbol.asyncDispose]();
}

Deno.test("upstreams named in a file come and go while calls run", async () => {
  const servers = await startThree();
  const [first, second, third] = servers;
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, `# replicas\n${first!.url}\n${second!.url};weight=1\n`);
    await using program = startProgram(["load-balance", "--endpoints-file", path, "--log-level", "info"]);
    await program.initialize();
    await call(program, 6);
    deepStrictEqual(counts(servers), [3, 3, 0]);
    await Deno.writeTextFile(path, `${second!.url}\n${third!.url}\n`);
    await program.waitStderr(/an upstream has come/);
    const before = counts([first!]);
    await call(program, 6);
    ok(counts([third!])[0]! >= 2);
    deepStrictEqual(counts([first!]), before, "who is not named any more is asked for nothing");
    await program.waitStderr(/an upstream has gone/);
    await until(() => first!.requests.some(({ method }) => method === "DELETE"));
    // What is wrong changes nothing.
    await Deno.writeTextFile(path, `${second!.url}\nhtp:/wrong\n`);
    await program.waitStderr(/WARN .*line 2/);
    await call(program, 4);
    strictEqual(program.ended(), false);
  } finally {
    await closeAll(servers);
    await Deno.remove(path);
  }
});

Deno.test("a drained upstream answers what it was asked, and takes nothing new until it is named no more", async () => {
  const servers = await startThree();
  const [first] = servers;
  const directory = await Deno.makeTempDir();
  const path = `${directory}/drained`;
  try {
    let answer: (() => Promise<void>) | undefined;
    const asked = Promise.withResolvers<void>();
    first!.on("tools/call", (request, reply) => {
      if (request.message.params?.name !== "slow") return "default";
      return new Promise<void>((resolve) => {
        answer = async () => {
          await reply.result({ content: [] });
          resolve();
        };
        asked.resolve();
      });
    });
    await using program = startProgram([
      "load-balance",
      ...servers.map(({ url }) => url),
      "--drain-file",
      path,
      "--policy",
      "sticky",
    ]);
    await program.initialize();
    const slow = program.request("tools/call", { name: "slow", arguments: {} });
    await asked.promise;
    await Deno.writeTextFile(path, `${first!.url}\n`);
    await program.waitStderr(/an upstream is drained.*inFlight=1/);
    await call(program, 5);
    strictEqual(counts([first!])[0], 1);
    await answer!();
    strictEqual((await slow).error, undefined);
    await Deno.remove(path);
    await program.waitStderr(/takes requests again/);
  } finally {
    await closeAll(servers);
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test({
  name: "SIGUSR2 drains one upstream after the other",
  ignore: Deno.build.os === "windows",
  async fn() {
    const servers = await startThree();
    try {
      await using program = startProgram([
        "load-balance",
        ...servers.map(({ url }) => url),
        "--slow-start",
        "0",
      ]);
      await program.initialize();
      for (const drained of servers) {
        program.kill("SIGUSR2");
        await program.waitStderr(new RegExp(`is drained.*${new URL(drained.url).port}`));
        const before = counts([drained]);
        await call(program, 6);
        deepStrictEqual(counts([drained]), before);
      }
      program.kill("SIGUSR2");
      await program.waitStderr(/no upstream is drained any more/);
      const before = counts(servers);
      await callUntil(program, () => counts(servers).every((count, i) => count > before[i]!));
    } finally {
      await closeAll(servers);
    }
  },
});

Deno.test("--status-port shows what is going on, and says when nobody takes requests", async () => {
  const servers = await startThree();
  const program = startProgram([
    "load-balance",
    ...servers.map(({ url }) => url),
    "--status-port",
    "0",
    "--log-level",
    "info",
  ]);
  try {
    await program.initialize();
    await call(program, 30);
    const [, url] = await program.waitStderr(/status page .*url=(\S+)/);
    const get = async (path: string) => {
      const response = await fetch(new URL(path, url));
      return { status: response.status, text: await response.text() };
    };
    strictEqual((await get("/healthz")).status, 200);
    strictEqual((await get("/readyz")).status, 200);
    const { upstreams, policy } = JSON.parse((await get("/status.json")).text);
    strictEqual(policy, "round-robin");
    deepStrictEqual(upstreams.map(({ endpoint, state }: Record<string, unknown>) => [endpoint, state]), [
      [servers[0]!.url, "up"],
      [servers[1]!.url, "up"],
      [servers[2]!.url, "up"],
    ]);
    // The handshake went to the first.
    deepStrictEqual(upstreams.map(({ requests }: Record<string, unknown>) => requests), [11, 10, 10]);
    const { text } = await get("/metrics");
    match(
      text,
      new RegExp(`^mcp_connect_upstream_answered_total\\{upstream="${servers[1]!.url}"\\} 10$`, "m"),
    );
    await closeAll(servers);
    // One that asks is told at once, and whoever looks is too. What is sent into a connection that is just being closed may
    // have been carried out, and the answer to that says so.
    let data: { code?: string; outcome?: string };
    do {
      const { error } = await program.request("tools/call", { name: "echo", arguments: {} });
      data = error!.data as typeof data;
    } while (data.code === "CONNECTION_LOST" && data.outcome === "unknown");
    deepStrictEqual([data.code, data.outcome], ["NO_UPSTREAM", "not_run"]);
    const unready = await get("/readyz");
    strictEqual(unready.status, 503);
    for (const server of servers) ok(unready.text.includes(server.url), unready.text);
    strictEqual((await get("/healthz")).status, 200);
  } finally {
    await program[Symbol.asyncDispose]();
  }
});

Deno.test("A status page that can't be served is a line in the log, and no reason to serve nobody", async () => {
  await using server = await startRawServer();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr as Deno.NetAddr;
  await using program = startProgram(["load-balance", server.url, "--status-port", String(port)]);
  await program.initialize();
  await call(program, 3);
  await program.waitStderr(/WARN .*--status-port/);
});

Deno.test("Servers that DNS names are used, and those outside of the domain that was named get no token", async () => {
  const [inside, outside] = [
    await startRawServer({ hostname: "127.0.0.2" }),
    await startRawServer({ hostname: "127.0.0.3" }),
  ];
  const ports = [inside, outside].map(({ url }) => new URL(url).port);
  await using dns = await startDnsServer({
    "_mcp._tcp.named.example": {
      SRV: [`0 1 ${ports[0]} a.named.example`, `0 1 ${ports[1]} b.other.example`],
    },
    "a.named.example": { A: ["127.0.0.2"] },
    "b.other.example": { A: ["127.0.0.3"] },
  });
  try {
    await using program = startProgram([
      "load-balance",
      "srv+http://_mcp._tcp.named.example/mcp",
      "--dns-server",
      `${dns.at.ipAddr}:${dns.at.port}`,
      "--auth-token",
      "a-token-for-named-example",
    ]);
    await program.initialize();
    await callUntil(program, () => counts([inside, outside]).every((count) => count > 0));
    const seen = (server: RawServer, name: string) =>
      new Set(server.requests.map((it) => it.headers.get(name)));
    deepStrictEqual([...seen(inside, "authorization")], ["Bearer a-token-for-named-example"]);
    deepStrictEqual([...seen(outside, "authorization")], [null]);
    deepStrictEqual([...seen(inside, "host")], [`a.named.example:${ports[0]}`]);
    deepStrictEqual([...seen(outside, "host")], [`b.other.example:${ports[1]}`]);
    await program.waitStderr(/WARN .*outside of the domain.*b\.other\.example/);
  } finally {
    await closeAll([inside, outside]);
  }
});
