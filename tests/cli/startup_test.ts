import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { startProgram } from "../support/program.ts";
import { startRawServer } from "../support/raw_server.ts";
import { loadedWith, moduleGraph } from "./module_graph.ts";
import { stageModules } from "./startup_page.ts";

const ROOT = new URL("../../", import.meta.url);

/** What a module of `src/` loads at once when it is imported: other modules' paths, itself included. */
async function loadedBy(path: string): Promise<string[]> {
  return loadedWith(await moduleGraph(path), path);
}

Deno.test("the program's start loads no package and no command, and its options none either", async () => {
  const loaded = await loadedBy("src/cli/run_program.ts");
  deepStrictEqual(loaded.filter((it) => !it.startsWith("src/")), []);
  const extra = loaded.filter((it) =>
    /_command\.ts$|help_text|src\/(?:bridge|diagnose|face|jsonrpc|link|mcp)\//.test(it)
  );
  deepStrictEqual(extra, []);
  const parser = await loadedBy("src/cli/parse_options.ts");
  deepStrictEqual(parser.filter((it) => !it.startsWith("src/")), []);
});

Deno.test("what sends the first message on loads next to nothing of the program", async () => {
  const loaded = await loadedBy("src/main.ts");
  const extra = loaded.filter((it) =>
    !/^src\/(?:main|version|start\/\w+|jsonrpc\/\w+|link\/pause|link\/http\/\w+)\.ts$/.test(it)
  );
  deepStrictEqual(extra, [
    "src/config/config_error.ts",
    "src/config/environment.ts",
    "src/config/headers.ts",
    "src/mcp/revision.ts",
    "src/oauth/account_key.ts",
    "src/oauth/settings.ts",
    "src/store/default_directory.ts",
    "src/store/entry_path.ts",
    "src/store/peek_store.ts",
    "src/upstream/verdict_key.ts",
  ]);
  ok(loaded.length < 32, `${loaded.length} modules`);
});

Deno.test("the proxy command loads no package, nothing of Node, and sets no timer", async () => {
  const entries = ["src/cli/proxy_command.ts", "src/bridge/run_proxy.ts", "src/link/http/http_peer.ts"];
  const loaded = (await Promise.all(entries.map(loadedBy))).flat();
  deepStrictEqual(loaded.filter((it) => !it.startsWith("src/")), []);
  for (const path of [...loaded, ...(await loadedBy("src/main.ts"))]) {
    if (!path.startsWith("src/")) continue;
    const text = (await Deno.readTextFile(new URL(path, ROOT))).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    ok(!/\bsetTimeout\(|\bconsole\.|\bsetInterval\(/.test(text), path);
  }
});

Deno.test("a session at a URL loads the modules that docs/startup.md names, and no other", async () => {
  const stages = stageModules(await moduleGraph("src/main.ts"));
  const directory = await Deno.makeTempDir();
  try {
    await using server = await startRawServer();
    await using program = startProgram(["proxy", "--endpoint", server.url], {
      permissions: ["-A", `--coverage=${directory}`],
    });
    await program.initialize();
    await program.request("tools/list");
    await program.closeStdin();
    strictEqual((await program.status).code, 0);
    const loaded: string[] = [];
    for await (const { name } of Deno.readDir(directory)) {
      const { url } = JSON.parse(await Deno.readTextFile(`${directory}/${name}`));
      if (url.startsWith(`${ROOT.href}src/`)) loaded.push(url.slice(ROOT.href.length));
    }
    // What has types only is gone when it runs.
    const named = stages.flat();
    deepStrictEqual(loaded.sort(), named.sort());
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
