/** Servers that want no sign-in pay nothing for those that do. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { startProgram } from "../support/program.ts";
import { startSdkHttpServer } from "../support/sdk_servers.ts";
import { startPlace } from "./signed_in_place.ts";

/** The modules of ours that a program has run, without the folder `src`. */
async function modulesOf(work: (coverage: string) => Promise<void>): Promise<string[]> {
  const directory = await Deno.makeTempDir();
  try {
    await work(directory);
    const urls = new Set<string>();
    for await (const { name } of Deno.readDir(directory)) {
      if (!name.endsWith(".json")) continue;
      const { url } = JSON.parse(await Deno.readTextFile(`${directory}/${name}`));
      if (url.includes("/src/")) urls.add(url.split("/src/")[1]);
    }
    return [...urls];
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const isOfSignIn = (it: string) =>
  /^oauth\/|while_signing_in|early_answers/.test(it) && !/^oauth\/(?:settings|account_key)\.ts$/.test(it);

Deno.test("a server that wants no sign-in loads no code for it, though the user is signed in elsewhere", async () => {
  await using place = await startPlace();
  {
    await using program = place.proxy();
    await program.initialize();
  }
  await using open = await startSdkHttpServer();
  const modules = await modulesOf(async (coverage) => {
    const env = { ...place.env, DENO_COVERAGE_DIR: coverage };
    await using program = startProgram(["proxy", "--endpoint", open.url], { env });
    await program.initialize();
    strictEqual((await program.request("tools/list")).error, undefined);
    await program.closeStdin();
    await program.status;
  });
  ok(modules.includes("link/http/http_client.ts"), String(modules));
  deepStrictEqual(modules.filter(isOfSignIn), []);
});

Deno.test("a server that the user is signed in to loads it", async () => {
  await using place = await startPlace();
  const modules = await modulesOf(async (coverage) => {
    await using program = place.proxy([], { env: { DENO_COVERAGE_DIR: coverage } });
    await program.initialize();
    await program.closeStdin();
    await program.status;
  });
  ok(modules.includes("oauth/account.ts"), String(modules));
});
