import assert from "node:assert/strict";
import {
  SDK_STDIO_COMMAND,
  type SdkServer,
  startSdkHttpServer,
  startSdkSseServer,
  startSdkTcpServer,
} from "../support/sdk_servers.ts";
import { listenRaw } from "../support/raw_socket.ts";
import {
  askEverything,
  hearServer,
  liveInSession,
  type OfficialClient,
  officialClient,
  setLevels,
} from "./official_tour.ts";
import { relay } from "./relay.ts";

/** A cancelled call is aborted in the server, and others go on. */
async function cancelACall({ client, call }: OfficialClient, server: SdkServer): Promise<void> {
  const abort = new AbortController();
  const slow = client.callTool({ name: "slow", arguments: {} }, undefined, { signal: abort.signal });
  await server.recorded(({ slow }) => slow.length === 1);
  abort.abort("enough");
  await assert.rejects(slow);
  await server.recorded(({ cancelled }) => cancelled.length === 1);
  assert.deepEqual(server.record.cancelled, server.record.slow);
  assert.equal(await call("echo", { text: "still here" }), "still here");
}

const servers: Record<string, { start: () => Promise<SdkServer>; transport?: string }> = {
  "Streamable HTTP": { start: () => startSdkHttpServer() },
  "HTTP+SSE": { start: startSdkSseServer },
  "HTTP+SSE asked for": { start: startSdkSseServer, transport: "sse" },
  "TCP": { start: startSdkTcpServer },
};

/** The SDK server on TCP, reached through a Unix socket in a directory of its own. */
async function startSdkUnixServer(): Promise<SdkServer> {
  const server = await startSdkTcpServer();
  const directory = await Deno.makeTempDir();
  const path = `${directory}/mcp.sock`;
  const listener = await listenRaw((connection) => relay(connection, server.port), { path });
  const close = async () => {
    await server.close();
    await listener.close();
    await Deno.remove(directory, { recursive: true });
  };
  return { ...server, url: `unix:${path}`, close, [Symbol.asyncDispose]: close };
}
if (Deno.build.os !== "windows") servers["a Unix socket"] = { start: startSdkUnixServer };

for (const [name, { start, transport }] of Object.entries(servers)) {
  Deno.test(`The official client has everything an SDK server offers over ${name}`, async () => {
    await using server = await start();
    {
      const args = ["--endpoint", server.url, ...(transport === undefined ? [] : ["--transport", transport])];
      await using official = await officialClient(args);
      assert.equal(server.sessions(), 1);
      await askEverything(official);
      await hearServer(official);
      await liveInSession(official);
      if (server.url.startsWith("tcp:") || server.url.startsWith("unix:")) await setLevels(official);
      await cancelACall(official, server);
      assert.equal(server.sessions(), 1, "one session serves it all");
    }
    if (name === "Streamable HTTP") assert.equal(server.sessions(), 0, "the session was ended at the server");
  });
}

Deno.test("The official client is answered by an SDK server that sends plain JSON", async () => {
  await using server = await startSdkHttpServer({ json: true });
  await using official = await officialClient([server.url]);
  await askEverything(official);
});

for (const json of [false, true]) {
  Deno.test(`The official client is answered by a stateless SDK server in ${json ? "JSON" : "events"}`, async () => {
    await using server = await startSdkHttpServer({ stateless: true, json });
    await using official = await officialClient(["--endpoint", server.url]);
    await askEverything(official);
    assert.equal(server.sessions(), 0);
  });
}

Deno.test("The official client has everything an SDK server offers as a child process", async () => {
  await using official = await officialClient(["--", ...SDK_STDIO_COMMAND]);
  await askEverything(official);
  await hearServer(official);
  await liveInSession(official);
  await setLevels(official);
});

Deno.test("Two clients at one server are two sessions that hear only what is theirs", async () => {
  await using server = await startSdkHttpServer();
  await using one = await officialClient([server.url]);
  await using two = await officialClient([server.url]);
  assert.equal(server.sessions(), 2);
  const texts = Array.from({ length: 20 }, (_, i) => i);
  const calls = [one, two].map(({ call }, who) =>
    Promise.all(texts.map((i) => call("echo", { text: `${who} ${i}` })))
  );
  assert.deepEqual(await Promise.all(calls), [0, 1].map((who) => texts.map((i) => `${who} ${i}`)));
  await one.call("late", { message: "for one" });
  await two.call("late", { message: "for two" });
  await Promise.all([
    one.seen.find((item) => item === "log info for one"),
    two.seen.find((item) => item === "log info for two"),
  ]);
  assert.equal(one.seen.items.includes("log info for two"), false);
  assert.equal(two.seen.items.includes("log info for one"), false);
});
