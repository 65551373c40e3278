import { deepStrictEqual, ok } from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);

interface Dependency {
  readonly specifier: string;
  readonly isDynamic?: boolean;
  readonly code?: { readonly specifier?: string };
}

/** What a module of `src/` loads at once when it is imported: other modules' addresses, itself included. */
async function loadedBy(path: string): Promise<string[]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", new URL(path, ROOT).href],
    stdin: "null",
  }).output();
  ok(code === 0, new TextDecoder().decode(stderr));
  const { roots, redirects, modules } = JSON.parse(new TextDecoder().decode(stdout));
  const bySpecifier = new Map<string, { dependencies?: readonly Dependency[] }>();
  for (const module of modules) bySpecifier.set(module.specifier, module);
  const seen = new Set<string>();
  const queue: string[] = [...roots];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const specifier = redirects[next] ?? next;
    if (seen.has(specifier)) continue;
    seen.add(specifier);
    for (const dependency of bySpecifier.get(specifier)?.dependencies ?? []) {
      if (dependency.isDynamic !== true && dependency.code?.specifier !== undefined) {
        queue.push(dependency.code.specifier);
      }
    }
  }
  return [...seen].map((specifier) => specifier.replace(ROOT.href, ""));
}

Deno.test("the program's start loads no package and no command", async () => {
  const loaded = await loadedBy("src/main.ts");
  deepStrictEqual(loaded.filter((it) => !it.startsWith("src/")), []);
  const extra = loaded.filter((it) =>
    /_command\.ts$|help_text|src\/(?:bridge|diagnose|face|jsonrpc|link|mcp)\//.test(it)
  );
  deepStrictEqual(extra, []);
});

Deno.test("options load one package, the parser", async () => {
  const loaded = await loadedBy("src/cli/parse_options.ts");
  deepStrictEqual(
    loaded.filter((it) => !it.startsWith("src/")).map((it) => it.replace(/^npm:\/?|@[\d.]+$/g, "")),
    ["type-flag"],
  );
});

Deno.test("the proxy command loads no other package, nothing of Node, and sets no timer", async () => {
  const entries = ["src/cli/proxy_command.ts", "src/bridge/run_proxy.ts", "src/link/http/http_peer.ts"];
  const loaded = (await Promise.all(entries.map(loadedBy))).flat();
  deepStrictEqual(loaded.filter((it) => !it.startsWith("src/")), []);
  for (const path of [...loaded, ...(await loadedBy("src/main.ts"))]) {
    if (!path.startsWith("src/")) continue;
    const text = (await Deno.readTextFile(new URL(path, ROOT))).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    ok(!/\bsetTimeout\(|\bconsole\.|\bsetInterval\(/.test(text), path);
  }
});
