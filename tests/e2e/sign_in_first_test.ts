/** The first connection to a protected server, and those after it: official clients, a certified authorization server. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { programCommand, programEnvironment, REPOSITORY } from "../support/program.ts";
import { comeBack, redirectOf, signIn } from "../support/test_browser.ts";
import { askEverything, hearServer, officialClient } from "./official_tour.ts";
import { type Place, startPlace } from "./signed_in_place.ts";

/** The SDK asks for the revision in a process of its own, unless the transport is another class than this one's parent. */
class OneProcessTransport extends StdioClientTransport {}

/** The official client of the modern era. */
async function modernClient(place: Place) {
  const [command, ...args] = programCommand(["proxy", "--endpoint", place.server.url]);
  const client = new Client({ name: "modern", version: "1" }, {
    versionNegotiation: { mode: { pin: "2026-07-28" } },
  });
  const env = programEnvironment(place.env);
  await client.connect(
    new OneProcessTransport({ command, args, cwd: REPOSITORY, stderr: "ignore", env }),
  );
  return { client, [Symbol.asyncDispose]: () => client.close() };
}

Deno.test("the first connection of the official client opens one tab, and all works; the second is as if nothing had been", async () => {
  await using place = await startPlace();
  const pages: string[] = [];
  place.browser.onOpen = async (tab) => pages.push((await signIn(tab)).text);
  const args = ["--endpoint", place.server.url];
  {
    await using client = await officialClient(args, place.env);
    await askEverything(client);
    await hearServer(client);
  }
  strictEqual(place.browser.tabs.items.length, 1);
  match(pages[0]!, /signed in/i);
  const refused = place.server.refused().length;
  const asked = place.authorization.requests.filter((it) => !it.endsWith("introspection")).length;
  {
    await using client = await officialClient(args, place.env);
    strictEqual(await client.call("echo", { text: "again" }), "again");
  }
  strictEqual(place.browser.tabs.items.length, 1, "a tab was opened");
  strictEqual(place.server.refused().length, refused, "a request was refused");
  const askedThen = place.authorization.requests.filter((it) => !it.endsWith("introspection")).length;
  strictEqual(askedThen, asked, "the authorization server was asked");
  deepStrictEqual(place.browser.problems, []);
});

Deno.test("the same for the official client of the modern era, at a modern server", {
  // Its child process is closed by the SDK with a timer that stays.
  sanitizeOps: false,
  sanitizeResources: false,
}, async () => {
  await using place = await startPlace({ era: "modern" });
  for (const text of ["first", "second"]) {
    await using modern = await modernClient(place);
    const { content } = await modern.client.callTool({ name: "echo", arguments: { text } });
    deepStrictEqual(content, [{ type: "text", text }]);
  }
  strictEqual(place.browser.tabs.items.length, 1);
  ok(place.server.refused().length <= 2, "only the first requests of the first connection are refused");
});

Deno.test("a person who signs in at once sees nothing on stderr but where to sign in, and the log says nothing more", async () => {
  await using place = await startPlace();
  await using program = place.proxy();
  await program.initialize();
  strictEqual((await program.request("tools/list")).error, undefined);
  match(program.stderr(), /sign in/i);
  ok(!/WARN|ERROR/.test(program.stderr()), program.stderr());
});

for (const args of [["--transport", "sse"], []]) {
  Deno.test(`a server of the first revision (HTTP+SSE) is signed in to like any other ${args.join(" ")}`, async () => {
    await using place = await startPlace({ era: "sse" });
    for (let round = 0; round < 2; round++) {
      await using program = place.proxy(args);
      await program.initialize();
      strictEqual((await program.request("tools/list")).error, undefined);
      await place.authorization.revokeAccessTokens();
      strictEqual((await program.request("tools/list")).error, undefined);
    }
    strictEqual(place.browser.tabs.items.length, 1);
  });
}

Deno.test("a person may take longer than --timeout, which is for servers", async () => {
  for (const era of ["legacy", "sse"] as const) {
    await using place = await startPlace({ era });
    place.browser.onOpen = async (tab) => {
      await new Promise((resolve) => setTimeout(resolve, 3000));
      await signIn(tab);
    };
    await using program = place.proxy(["--timeout", "2", "--auth-wait", "20"]);
    await program.initialize();
    await program.nextMethod("notifications/tools/list_changed");
    strictEqual((await program.request("tools/list")).error, undefined);
    const login = await place.run(["login", "--timeout", "2", "--endpoint", place.server.url]);
    strictEqual(login.code, 0, login.stdout);
    strictEqual(place.browser.tabs.items.length, 1);
    await place.run(["logout", "--endpoint", place.server.url]);
    match(
      (await place.run(["login", "--timeout", "2", "--endpoint", place.server.url])).stdout,
      /^Signed in/,
    );
  }
});

Deno.test("an answer with a wrong state is not the person's: the sign-in goes on", async () => {
  await using place = await startPlace();
  const statuses: number[] = [];
  place.browser.onOpen = async (tab) => {
    const forged = await comeBack(tab, new URLSearchParams({ state: "wrong", code: "stolen" }));
    const denied = await comeBack(tab, new URLSearchParams({ state: "wrong", error: "access_denied" }));
    statuses.push(forged.status, denied.status, (await signIn(tab)).status);
  };
  await using program = place.proxy();
  await program.initialize();
  strictEqual(statuses.length, 3);
  ok(statuses[0]! >= 400 && statuses[1]! >= 400 && statuses[2] === 200, String(statuses));
  strictEqual(place.browser.tabs.items.length, 1);
});

Deno.test("a person who says no: initialize fails and says so, and the tab says so too", async () => {
  await using place = await startPlace();
  const pages: string[] = [];
  place.browser.onOpen = async (tab) => {
    const state = tab.searchParams.get("state")!;
    const iss = place.authorization.issuer;
    pages.push((await comeBack(tab, new URLSearchParams({ state, iss, error: "access_denied" }))).text);
  };
  await using program = place.proxy();
  const { error } = await program.request("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "c", version: "1" },
  });
  strictEqual(error?.code, -31017);
  match(error!.message!, /signing in failed/);
  match(pages[0]!, /access_denied|denied|refused/i);
  // He is not asked again with each request.
  strictEqual((await program.request("tools/list")).error === undefined, false);
  strictEqual(place.browser.tabs.items.length, 1);
});

Deno.test("a server at which nobody can register is an error of initialize that names the options, at once", async () => {
  await using place = await startPlace({ authorization: { registration: false } });
  await using program = place.proxy(["--auth-wait", "60"]);
  const { error } = await program.request("initialize", {
    protocolVersion: "2025-11-25",
    capabilities: {},
    clientInfo: { name: "c", version: "1" },
  });
  strictEqual(error?.code, -31017);
  match(JSON.stringify(error), /--client-id/);
  strictEqual(place.browser.tabs.items.length, 0);
});

Deno.test("the port that the browser comes back to is free when the sign-in is over", async () => {
  await using place = await startPlace();
  await using program = place.proxy();
  await program.initialize();
  const port = Number(redirectOf(place.browser.tabs.items[0]!).port);
  Deno.listen({ hostname: "127.0.0.1", port }).close();
});
