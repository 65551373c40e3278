import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { VERSION } from "../../src/version.ts";
import { judgeReleases } from "../../src/cli/newest_release.ts";
import { runCli } from "./run_cli.ts";

const NO_PROXY = { NO_PROXY: "127.0.0.1", no_proxy: "127.0.0.1" };

/** A place that lists releases, and who asked it. */
function listingServer(answer: () => Response | Promise<Response>) {
  const asked: (string | null)[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    asked.push(request.headers.get("user-agent"));
    return answer();
  });
  const address = `http://127.0.0.1:${server.addr.port}/meta.json`;
  return {
    asked,
    permissions: ["--allow-env", `--allow-net=127.0.0.1:${server.addr.port}`],
    env: { ...NO_PROXY, MCP_CONNECT_RELEASES: address },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const listing = (latest: unknown) => () => Response.json({ scope: "x", name: "mcp-connect", latest });

Deno.test("version prints the version, and asks nobody", async () => {
  await using server = listingServer(listing("99.0.0"));
  const { env } = server;
  deepStrictEqual(await runCli(["version"], { permissions: [], env }), {
    code: 0,
    stdout: `mcp-connect ${VERSION}\n`,
    stderr: "",
  });
  const { stdout } = await runCli(["version", "--json"], { permissions: [], env });
  deepStrictEqual(JSON.parse(stdout), {
    version: VERSION,
    deno: Deno.version.deno,
    target: Deno.build.target,
  });
  strictEqual(server.asked.length, 0);
});

Deno.test("version --check tells of a newer release, with one request, and that is no failure", async () => {
  await using server = listingServer(listing("99.0.0"));
  deepStrictEqual(await runCli(["version", "--check"], server), {
    code: 0,
    stdout: `mcp-connect ${VERSION}; there is a newer release: 99.0.0\n`,
    stderr: "",
  });
  deepStrictEqual(server.asked, [`mcp-connect/${VERSION}`]);
  const { code, stdout } = await runCli(["version", "--check", "--json"], server);
  strictEqual(code, 0);
  const { latest, newer, problem } = JSON.parse(stdout);
  deepStrictEqual({ latest, newer, problem }, { latest: "99.0.0", newer: true, problem: null });
});

Deno.test("version --check says so when this is the newest release", async () => {
  await using server = listingServer(listing(VERSION));
  deepStrictEqual(await runCli(["version", "--check"], server), {
    code: 0,
    stdout: `mcp-connect ${VERSION}, which is the newest release\n`,
    stderr: "",
  });
});

const NO_LIST: readonly (readonly [what: string, answer: () => Response])[] = [
  ["an error", () => new Response("no", { status: 503 })],
  ["a page", () => new Response("<html>", { headers: { "content-type": "text/html" } })],
  ["another object", () => Response.json({ versions: {} })],
  ["no version", listing("latest")],
  ["more than anyone would read", () => new Response(new Uint8Array((1 << 20) + 1))],
];

for (const [what, answer] of NO_LIST) {
  Deno.test(`version --check still prints the version when it is answered with ${what}`, async () => {
    await using server = listingServer(answer);
    const { code, stdout, stderr } = await runCli(["version", "--check"], server);
    strictEqual(code, 4);
    strictEqual(stdout, `mcp-connect ${VERSION}\n`);
    match(stderr, /^mcp-connect: whether there is a newer release can't be told: .*\n$/);
    ok(!stderr.includes("  "));
  });
}

Deno.test("version --check says what to do when nobody is there", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const { code, stdout, stderr } = await runCli(["version", "--check"], {
    env: { ...NO_PROXY, MCP_CONNECT_RELEASES: `http://127.0.0.1:${port}/meta.json` },
  });
  strictEqual(code, 3);
  strictEqual(stdout, `mcp-connect ${VERSION}\n`);
  match(
    stderr,
    /can't be told: 127\.0\.0\.1:\d+ can't be reached: the connection was refused \(is this machine online\?\)/,
  );
});

Deno.test("version --check says so when the machine is offline, and the version all the same", async () => {
  const { code, stdout, stderr } = await runCli(["version", "--check"], {
    env: {
      ...NO_PROXY,
      NO_PROXY: "*",
      no_proxy: "*",
      MCP_CONNECT_RELEASES: "https://releases.invalid/meta.json",
    },
  });
  strictEqual(code, 3);
  strictEqual(stdout, `mcp-connect ${VERSION}\n`);
  match(stderr, /can't be told: releases\.invalid can't be reached: .*\(is this machine online\?\)\n$/);
});

Deno.test("version --check does not wait for long", async () => {
  const asked = Promise.withResolvers<void>();
  const late = Promise.withResolvers<Response>();
  await using server = listingServer(() => {
    asked.resolve();
    return late.promise;
  });
  const run = runCli(["version", "--check", "--json"], server);
  await asked.promise;
  const { code, stdout } = await run;
  late.resolve(new Response());
  strictEqual(code, 7);
  match(JSON.parse(stdout).problem, /did not answer within 5 s/);
});

Deno.test("version --check names the permission that is missing, and does not ask for it", async () => {
  const { code, stdout, stderr } = await runCli(["version", "--check"], { permissions: [] });
  strictEqual(code, 6);
  strictEqual(stdout, `mcp-connect ${VERSION}\n`);
  match(stderr, /--allow-net=jsr\.io:443 is missing/);
});

Deno.test("a release is newer only by its number", () => {
  const table: [present: string, list: unknown, kind: string | undefined][] = [
    ["1.2.3", { latest: "1.2.4" }, "newer"],
    ["1.9.0", { latest: "1.10.0" }, "newer"],
    ["1.2.3", { latest: "1.2.3" }, "current"],
    ["1.3.0-dev", { latest: "1.2.3" }, "current"],
    ["1.3.0-dev", { latest: "1.3.0" }, "newer"],
    ["1.2.3", { latest: null }, undefined],
    ["1.2.3", null, undefined],
    ["1.2.3", "1.2.4", undefined],
    ["1.2.3", { latest: "v1.2.4" }, undefined],
  ];
  for (const [present, list, kind] of table) {
    strictEqual(judgeReleases(present, list)?.kind, kind, `${present} ${JSON.stringify(list)}`);
  }
});
