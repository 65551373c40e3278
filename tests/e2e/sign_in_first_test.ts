/** The first connection to a protected server, and those after it, with official clients and a certified authorization server. */
import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { programCommand, programEnvironment } from "../support/program.ts";
import { startPlace } from "./signed_in_place.ts";
import { officialClient } from "./official_tour.ts";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { signIn } from "../support/test_browser.ts";

Deno.test("the first connection opens one tab, and the client works as if nothing had been", async () => {
  await using place = await startPlace();
  const pages: string[] = [];
  place.browser.onOpen = async (tab) => pages.push((await signIn(tab)).text);
  {
    await using program = place.proxy();
    const { serverInfo } = await program.initialize();
    deepStrictEqual(serverInfo, { name: "sdk-server", version: "1.0.0" });
    const { result } = await program.request("tools/call", { name: "echo", arguments: { text: "hi" } });
    deepStrictEqual(result.content, [{ type: "text", text: "hi" }]);
    match(program.stderr(), /sign in/i);
  }
  strictEqual(place.browser.tabs.items.length, 1);
  match(pages[0]!, /signed in/i);
  const refused = place.server.refused().length;
  {
    await using program = place.proxy();
    await program.initialize();
    await program.request("tools/list");
    strictEqual(program.stderr(), "");
  }
  strictEqual(place.browser.tabs.items.length, 1, "the second start opens no tab");
  strictEqual(place.server.refused().length, refused, "the second start is refused nothing");
});
