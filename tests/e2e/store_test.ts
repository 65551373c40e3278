/** What was found out of servers is known the next time. */
import assert from "node:assert/strict";
import { MODERN_STDIO_COMMAND } from "../support/modern_servers.ts";
import type { ProgramOptions } from "../support/program.ts";
import { startRawHttp } from "../support/raw_http.ts";
import { startRawServer } from "../support/raw_server.ts";
import { proxied, type ProxiedOptions } from "./proxied.ts";

/** A directory of the test's own for the store; it is not made. */
async function scratch() {
  const root = await Deno.makeTempDir();
  const directory = `${root}/store`;
  const files = async () => {
    const texts: string[] = [];
    try {
      for await (const { name } of Deno.readDir(`${directory}/verdicts`)) {
        texts.push(await Deno.readTextFile(`${directory}/verdicts/${name}`));
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return texts;
  };
  const options: ProgramOptions = {
    env: { MCP_CONNECT_NO_STORE: undefined, MCP_CONNECT_STORE: directory },
  };
  return {
    root,
    directory,
    files,
    options,
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

/** A server over HTTP that may become one of the other era. */
async function startServer() {
  let era: "modern" | "legacy" | "down" = "modern";
  const server = await startRawHttp(({ method, message }, reply) => {
    if (method !== "POST") return reply.status(405);
    if (era === "down") return reply.status(503);
    if (message.method === "initialize" && era === "legacy") {
      return reply.result({
        protocolVersion: "2025-11-25",
        capabilities: {},
        serverInfo: { name: "s", version: "1" },
      });
    }
    if (message.method === "initialize") return reply.error(-32022, "no", undefined, { status: 400 });
    if (message.id === undefined) return reply.status(202);
    if (message.method !== "server/discover" || era === "legacy") {
      return reply.error(-32601, "Method not found", undefined, { status: 404 });
    }
    return reply.result({
      resultType: "complete",
      supportedVersions: ["2026-07-28"],
      capabilities: {},
      ttlMs: 0,
      cacheScope: "private",
    });
  });
  let seen = 0;
  return {
    url: `${server.origin}/mcp`,
    become: (it: typeof era) => era = it,
    /** The methods that came since the last time. */
    methods() {
      const those = server.requests.slice(seen).flatMap(({ message: { method } }) => method ?? []);
      seen = server.requests.length;
      return those;
    },
    [Symbol.asyncDispose]: server[Symbol.asyncDispose],
  };
}

async function session(
  endpoint: string | readonly string[],
  options: ProxiedOptions,
  stderr = /^$/,
): Promise<void> {
  await using program = await proxied(endpoint, options);
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
  assert.match(program.stderr(), stderr);
}

Deno.test("A modern server is asked as one at once the next time, whatever the query; contradicted, that is unlearned", async () => {
  await using store = await scratch();
  await using server = await startServer();
  await session(`${server.url}?key=secret`, store.options);
  assert.deepEqual(server.methods(), ["initialize", "server/discover"]);
  const [text, ...others] = await store.files();
  assert.match(text!, /^\{"legacy":false,"modern":true,"time":"[^"]+"\}\n$/);
  assert.deepEqual(others, []);

  await session(server.url, store.options);
  assert.deepEqual(server.methods(), ["server/discover"]);

  server.become("legacy");
  await session(server.url, store.options);
  assert.deepEqual(server.methods(), ["server/discover", "initialize", "notifications/initialized"]);
  assert.match((await store.files())[0]!, /^\{"legacy":true,"modern":false,/);

  server.become("modern");
  await session(server.url, store.options);
  assert.deepEqual(server.methods(), ["initialize", "server/discover"]);
});

Deno.test("A failure that passes changes nothing of it", async () => {
  await using store = await scratch();
  await using server = await startServer();
  await session(server.url, store.options);
  const [before] = await store.files();
  server.become("down");
  server.methods();
  await assert.rejects(proxied(server.url, { ...store.options, args: ["--retry-attempts", "0"] }));
  assert.deepEqual([...new Set(server.methods())], ["server/discover"]);
  assert.deepEqual(await store.files(), [before]);
});

Deno.test("Verdicts that are old, damaged or not to be read count as none", async () => {
  await using store = await scratch();
  await using server = await startServer();
  await session(server.url, store.options);
  server.methods();
  const [file] = [...Deno.readDirSync(`${store.directory}/verdicts`)];
  const path = `${store.directory}/verdicts/${file!.name}`;
  const old = new Date(Date.now() - 8 * 24 * 60 * 60 * 1000).toISOString();
  for (const text of [`{"legacy":false,"modern":true,"time":"${old}"}`, '{"legacy":fal', ""]) {
    await Deno.writeTextFile(path, text);
    await session(server.url, store.options);
    assert.deepEqual(server.methods(), ["initialize", "server/discover"]);
  }
  const { port } = new URL(server.url);
  await session(server.url, {
    ...store.options,
    permissions: [`--allow-net=127.0.0.1:${port}`, "--allow-env"],
  }, /^[^\n]*the store can't be used[^\n]* --allow-read=\S+ --allow-write=[^\n]*\n$/);
  assert.deepEqual(server.methods(), ["initialize", "server/discover"]);
});

Deno.test("Whoever wants nothing kept has nothing kept, and nothing read", async () => {
  await using store = await scratch();
  await using server = await startServer();
  await session(server.url, { ...store.options, args: ["--no-store"] });
  assert.deepEqual(await store.files(), []);
  await session(server.url, store.options);
  server.methods();
  await session(server.url, { ...store.options, args: ["--no-store"] });
  assert.deepEqual(server.methods(), ["initialize", "server/discover"]);
});

Deno.test("A legacy server leaves nothing behind, and is asked nothing more", async () => {
  await using store = await scratch();
  await using server = await startRawServer();
  for (let i = 0; i < 2; i++) await session(server.url, store.options);
  assert.equal(server.calls("initialize").length, 2);
  assert.equal(server.calls("server/discover").length, 0);
  assert.deepEqual([...Deno.readDirSync(store.root)], []);
});

Deno.test("Without a word the store has the platform's place for it", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using store = await scratch();
  await using server = await startServer();
  await session(server.url, { env: { MCP_CONNECT_NO_STORE: undefined, XDG_STATE_HOME: store.root } });
  assert.equal([...Deno.readDirSync(`${store.root}/mcp-connect/verdicts`)].length, 1);
});

Deno.test("A command is known by its words and its directory", async () => {
  await using store = await scratch();
  const env = { ...store.options.env };
  await session(MODERN_STDIO_COMMAND, { env });
  assert.equal((await store.files()).length, 1);
  await session(MODERN_STDIO_COMMAND, { env });
  assert.equal((await store.files()).length, 1);
  await session(MODERN_STDIO_COMMAND, { env, args: ["--cwd", store.root] });
  assert.equal((await store.files()).length, 2);
});
