/** What happens while nobody has asked for anything, and what is left when the client goes. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { leave, redirectOf, signIn } from "../support/test_browser.ts";
import { startPlace } from "./signed_in_place.ts";

function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch {
    return false;
  }
}

const INITIALIZE = {
  protocolVersion: "2025-11-25",
  capabilities: {},
  clientInfo: { name: "c", version: "1" },
};

Deno.test("a client that goes during the sign-in takes it all with it: at once, and the port is free", async () => {
  await using place = await startPlace();
  place.browser.onOpen = leave;
  await using program = place.proxy(["--auth-wait", "600"]);
  await program.send({ jsonrpc: "2.0", id: 1, method: "initialize", params: INITIALIZE });
  const tab = await place.browser.tabs.find(() => true);
  const port = Number(redirectOf(tab).port);
  ok(!isFree(port));
  const started = performance.now();
  await program.closeStdin();
  const { code } = await program.status;
  const ms = performance.now() - started;
  ok(ms < 3000, `it took ${ms} ms`);
  strictEqual(code, 0);
  ok(isFree(port));
  // Another copy finds no trace of it.
  place.browser.onOpen = signIn;
  await using other = place.proxy();
  await other.initialize();
  strictEqual(place.browser.tabs.items.length, 2);
});

Deno.test("a client that goes after an early answer takes it all with it as well", async () => {
  await using place = await startPlace();
  place.browser.onOpen = leave;
  await using program = place.proxy(["--auth-wait", "0.2"]);
  await program.initialize();
  const port = Number(redirectOf(await place.browser.tabs.find(() => true)).port);
  ok(!isFree(port));
  const started = performance.now();
  await program.closeStdin();
  strictEqual((await program.status).code, 0);
  ok(performance.now() - started < 3000);
  ok(isFree(port));
});

Deno.test(
  "SIGTERM during the sign-in ends it all, too",
  { ignore: Deno.build.os === "windows" },
  async () => {
    await using place = await startPlace();
    place.browser.onOpen = leave;
    await using program = place.proxy(["--auth-wait", "600"]);
    await program.send({ jsonrpc: "2.0", id: 1, method: "initialize", params: INITIALIZE });
    const port = Number(redirectOf(await place.browser.tabs.find(() => true)).port);
    program.kill("SIGTERM");
    await program.status;
    ok(isFree(port));
  },
);

Deno.test("a copy that is killed during the sign-in is in nobody's way: the next one opens its own tab", async () => {
  await using place = await startPlace();
  place.browser.onOpen = leave;
  {
    await using program = place.proxy(["--auth-wait", "600"]);
    await program.send({ jsonrpc: "2.0", id: 1, method: "initialize", params: INITIALIZE });
    await place.browser.tabs.find(() => true);
    program.kill("SIGKILL");
    await program.status;
  }
  place.browser.onOpen = signIn;
  await using program = place.proxy();
  await program.initialize();
  strictEqual((await program.request("tools/list")).error, undefined);
  strictEqual(place.browser.tabs.items.length, 2);
});

for (
  const [what, args] of [
    ["signs of life", ["--keep-alive", "0.2"]],
    ["the server's stream", []],
  ] as const
) {
  Deno.test(`${what} never open a tab when the sign-in has ended`, async () => {
    await using place = await startPlace();
    await using program = place.proxy(args);
    await program.initialize();
    // Its stream is there.
    await place.server.requests.find(({ method, path, status }) =>
      method === "GET" && path === "/mcp" && status === 200
    );
    await place.authorization.revokeAccessTokens();
    await place.authorization.revokeRefreshTokens();
    const before = place.server.requests.items.length;
    // The server has been started again: the stream breaks off and is opened again, the session is established again.
    await place.server.forgetSessions();
    const refusedSince = () =>
      place.server.requests.items.slice(before).filter(({ status }) => status === 401);
    await place.server.requests.find((it) => refusedSince().includes(it));
    await new Promise((resolve) => setTimeout(resolve, 600));
    strictEqual(place.browser.tabs.items.length, 1);
    // What the client asks for does.
    strictEqual((await program.request("tools/list")).error, undefined);
    strictEqual(place.browser.tabs.items.length, 2);
    // And what the server says unasked is heard again.
    const since = () => place.server.requests.items.slice(before);
    await place.server.requests.find((it) =>
      it.method === "GET" && it.path === "/mcp" && it.status === 200 && since().includes(it)
    );
  });
}

Deno.test("a token that has ended is renewed for what nobody has asked for, too, without a tab", async () => {
  await using place = await startPlace();
  await using program = place.proxy(["--keep-alive", "0.2"]);
  await program.initialize();
  await place.server.requests.find(({ rpc, status }) => rpc === "ping" && status === 200);
  await place.authorization.revokeAccessTokens();
  await place.server.requests.find(({ status, rpc }) => rpc === "ping" && status === 401);
  const after = place.server.requests.items.length;
  await place.server.requests.find((it) =>
    it.rpc === "ping" && it.status === 200 && place.server.requests.items.indexOf(it) >= after
  );
  deepStrictEqual(place.authorization.granted, ["authorization_code", "refresh_token"]);
  strictEqual(place.browser.tabs.items.length, 1);
});

Deno.test("the end of the client ends its session at the server, signed in", async () => {
  await using place = await startPlace();
  await using program = place.proxy();
  await program.initialize();
  await program.closeStdin();
  await program.status;
  const gone = await place.server.requests.find(({ method }) => method === "DELETE");
  match(gone.headers.get("authorization")!, /^Bearer /);
  strictEqual(gone.status, 200);
});
