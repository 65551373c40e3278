/** Several copies of the program at once, and what they find in the store. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { Program } from "../support/program.ts";
import { leave, signIn } from "../support/test_browser.ts";
import { type Place, startPlace } from "./signed_in_place.ts";

const unix = { ignore: Deno.build.os === "windows" };

/** Starts so many copies and lets each do something. */
async function copies<T>(
  place: Place,
  count: number,
  work: (program: Program) => Promise<T>,
  args: readonly string[] = [],
): Promise<T[]> {
  return await Promise.all(Array.from({ length: count }, async () => {
    await using program = place.proxy(args);
    const result = await work(program);
    await program.closeStdin();
    strictEqual((await program.status).code, 0);
    return result;
  }));
}

async function greetAndList(program: Program): Promise<boolean> {
  const { serverInfo } = await program.initialize();
  strictEqual((serverInfo as { name: string }).name, "sdk-server");
  const { tools } = (await program.request("tools/list")).result;
  return tools.some(({ name }: { name: string }) => name === "echo");
}

/** Signs in with one copy, which ends. */
async function signedIn(place: Place): Promise<void> {
  await copies(place, 1, greetAndList);
}

Deno.test("five copies that start at once without a token open one tab, and all work", async () => {
  await using place = await startPlace();
  deepStrictEqual(await copies(place, 5, greetAndList, ["--auth-wait", "30"]), Array(5).fill(true));
  strictEqual(place.browser.tabs.items.length, 1);
  deepStrictEqual(place.authorization.granted, ["authorization_code"]);
  strictEqual(place.authorization.requests.filter((it) => it === "POST /reg").length, 1);
});

Deno.test("a copy that waits for another's sign-in names its address", async () => {
  await using place = await startPlace();
  place.browser.onOpen = leave;
  await using first = place.proxy(["--auth-wait", "0.2"]);
  await first.initialize();
  await place.browser.tabs.find(() => true);
  await using second = place.proxy(["--auth-wait", "0.5"]);
  await second.initialize();
  const { error } = await second.request("tools/list");
  strictEqual((error!.data as { url: string }).url, (await place.browser.tabs.find(() => true)).href);
  strictEqual(place.browser.tabs.items.length, 1);
  await signIn(await place.browser.tabs.find(() => true));
  for (const program of [first, second]) {
    await program.nextMethod("notifications/tools/list_changed");
    strictEqual((await program.request("tools/list")).error, undefined);
  }
  deepStrictEqual(place.authorization.granted, ["authorization_code"]);
});

Deno.test("when the copy that signs in is killed, another one that waited opens a tab of its own", async () => {
  await using place = await startPlace();
  place.browser.onOpen = leave;
  await using first = place.proxy(["--auth-wait", "0.2"]);
  await first.initialize();
  await using second = place.proxy(["--auth-wait", "0.2"]);
  await second.initialize();
  first.kill("SIGKILL");
  await first.status;
  const [, tab] = await place.browser.tabs.findMany(2, () => true);
  await signIn(tab!);
  await second.nextMethod("notifications/tools/list_changed");
  strictEqual((await second.request("tools/list")).error, undefined);
});

Deno.test("five copies that start at once with a token that has ended renew it once, and open no tab", async () => {
  await using place = await startPlace({ authorization: { accessTokenSeconds: 2 } });
  await signedIn(place);
  await new Promise((resolve) => setTimeout(resolve, 2100));
  deepStrictEqual(await copies(place, 5, greetAndList), Array(5).fill(true));
  strictEqual(place.browser.tabs.items.length, 1);
  // They may last until the new one is due.
  const renewals = place.authorization.granted.filter((it) => it === "refresh_token").length;
  ok(renewals >= 1 && renewals <= 3, `${renewals} renewals`);
  deepStrictEqual(place.authorization.revokedGrants, []);
});

Deno.test("five copies that are refused at once renew once, and open no tab", async () => {
  await using place = await startPlace({ authorization: { accessTokenSeconds: 600 } });
  await signedIn(place);
  await place.authorization.revokeAccessTokens();
  deepStrictEqual(await copies(place, 5, greetAndList), Array(5).fill(true));
  deepStrictEqual(place.authorization.granted, ["authorization_code", "refresh_token"]);
  strictEqual(place.browser.tabs.items.length, 1);
});

Deno.test("ten copies live through many expiries: no refresh token is spent twice, no second tab", async () => {
  await using place = await startPlace({ authorization: { accessTokenSeconds: 2 }, trustMs: 5000 });
  const until = performance.now() + 8000;
  const calls = await copies(place, 10, async (program) => {
    await program.initialize();
    let count = 0;
    for (; performance.now() < until; count++) {
      const { result, error } = await program.request("tools/call", {
        name: "echo",
        arguments: { text: `${count}` },
      });
      strictEqual(error, undefined, JSON.stringify(error));
      strictEqual(result.content[0].text, `${count}`);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    return count;
  }, ["--auth-wait", "30"]);
  ok(calls.every((count) => count > 5), String(calls));
  const renewals = place.authorization.granted.filter((it) => it === "refresh_token").length;
  ok(renewals >= 2, `${renewals} renewals`);
  deepStrictEqual(place.authorization.revokedGrants, []);
  strictEqual(place.browser.tabs.items.length, 1);
});

Deno.test("a copy that is killed while it renews or writes leaves a store that the next one reads", async () => {
  await using place = await startPlace({ authorization: { accessTokenSeconds: 600 } });
  await signedIn(place);
  for (let round = 0; round < 6; round++) {
    await place.authorization.revokeAccessTokens();
    const before = place.authorization.granted.length;
    await using program = place.proxy();
    void program.request("initialize", {
      protocolVersion: "2025-11-25",
      capabilities: {},
      clientInfo: { name: "c", version: "1" },
    }).catch(() => {});
    // The answer is on its way, or just there.
    while (place.authorization.granted.length === before) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await new Promise((resolve) => setTimeout(resolve, round));
    program.kill("SIGKILL");
    await program.status;
    for (const { text } of await place.accounts()) JSON.parse(text);
  }
  // At worst what was never written is gone, and the person is asked once.
  await copies(place, 1, greetAndList);
  ok(place.browser.tabs.items.length <= 7);
});

// The store ----------------------------------------------------------------------------------------------------------

Deno.test("what is stored is for the user alone", unix, async () => {
  await using place = await startPlace();
  await signedIn(place);
  const mode = async (path: string) => ((await Deno.stat(path)).mode! & 0o777).toString(8);
  strictEqual(await mode(place.store), "700");
  strictEqual(await mode(`${place.store}/accounts`), "700");
  let files = 0;
  for await (const { name } of Deno.readDir(`${place.store}/accounts`)) {
    strictEqual(await mode(`${place.store}/accounts/${name}`), "600", name);
    files++;
  }
  ok(files > 0);
});

Deno.test("what others could read is made private again, with a warning", unix, async () => {
  await using place = await startPlace();
  await signedIn(place);
  const [{ path }] = await place.accounts() as [{ path: string; text: string }];
  await Deno.chmod(path, 0o644);
  await Deno.chmod(place.store, 0o755);
  await using program = place.proxy();
  await program.initialize();
  match(program.stderr(), /WARN .*others could read/);
  strictEqual((await Deno.stat(path)).mode! & 0o777, 0o600);
  strictEqual((await Deno.stat(place.store)).mode! & 0o777, 0o700);
  strictEqual(place.browser.tabs.items.length, 1);
});

for (
  const [what, text] of [
    ["is cut off", '{"version":1,"clients":[{"iss'],
    ["is empty", ""],
    ["is of another version", '{"version":2,"tokens":{}}'],
    ["holds no object", "[1]"],
    ["holds tokens of no sense", '{"version":1,"name":"x","clients":[],"tokens":{"accessToken":5}}'],
    ["holds tokens that are null", '{"version":1,"name":"x","clients":[null],"tokens":null}'],
    ["holds bytes that are no text", "\u0000\uffff"],
  ] as const
) {
  Deno.test(`a stored account that ${what} is none: the person signs in again, and it is mended`, async () => {
    await using place = await startPlace();
    await signedIn(place);
    const [{ path }] = await place.accounts() as [{ path: string; text: string }];
    await Deno.writeTextFile(path, text);
    await copies(place, 1, greetAndList);
    strictEqual(place.browser.tabs.items.length, 2);
    await copies(place, 1, greetAndList);
    strictEqual(place.browser.tabs.items.length, 2);
  });
}

Deno.test(
  "where nothing can be written the program runs, and says that the sign-in ends with it",
  unix,
  async () => {
    await using place = await startPlace();
    await using program = place.proxy([], { env: { MCP_CONNECT_STORE: "/proc/nowhere" } });
    strictEqual(await greetAndList(program), true);
    match(program.stderr(), /kept in memory/);
    strictEqual(place.browser.tabs.items.length, 1);
    // And it is renewed there.
    await place.authorization.revokeAccessTokens();
    strictEqual((await program.request("tools/list")).error, undefined);
    strictEqual(place.browser.tabs.items.length, 1);
  },
);

Deno.test("without a store the sign-in is kept in memory, and nothing is written", async () => {
  await using place = await startPlace();
  await using program = place.proxy([], { env: { MCP_CONNECT_STORE: undefined, MCP_CONNECT_NO_STORE: "1" } });
  strictEqual(await greetAndList(program), true);
  await place.authorization.revokeAccessTokens();
  strictEqual((await program.request("tools/list")).error, undefined);
  strictEqual(place.browser.tabs.items.length, 1);
});

Deno.test("without HOME, or with one that is not there, the program runs", unix, async () => {
  await using place = await startPlace();
  for (const HOME of [undefined, "/proc"]) {
    const env = {
      MCP_CONNECT_STORE: undefined,
      XDG_STATE_HOME: undefined,
      HOME,
      DENO_DIR: Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`,
    };
    await using program = place.proxy([], { env });
    strictEqual(await greetAndList(program), true);
    match(program.stderr(), /kept in memory/);
  }
});
