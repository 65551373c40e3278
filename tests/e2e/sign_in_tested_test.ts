/** `test` at a server that is signed in to. */
import { match, ok, strictEqual } from "node:assert/strict";
import { startPlace } from "./signed_in_place.ts";

Deno.test("test shows what is stored, and sends nobody to sign in", async () => {
  await using place = await startPlace();
  const { url } = place.server;
  const before = await place.run(["test", url]);
  strictEqual(before.code, 5, before.stdout);
  match(before.stdout, /sign in with\s+mcp-connect login/);
  strictEqual(place.browser.tabs.items.length, 0, "a tab has opened");

  strictEqual((await place.run(["login", url])).code, 0);
  const after = await place.run(["test", url]);
  strictEqual(after.code, 0, after.stdout);
  match(after.stdout, /The server works\./);
  strictEqual(place.browser.tabs.items.length, 1);
  for (const secret of place.authorization.secrets) ok(!`${after.stdout}${after.stderr}`.includes(secret));
});
