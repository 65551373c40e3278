/** Which modules of `src` load which, as Deno sees it: by their paths from the repository's root. */
import { type ModuleGraph, moduleGraph as readGraph } from "../../scripts/module_graph.ts";

export { loadedWith, type ModuleGraph } from "../../scripts/module_graph.ts";

const ROOT = new URL("../../", import.meta.url);

/** Reads the graph from an entry on; packages are named as Deno does, without versions. @throws {Error} when Deno can't */
export async function moduleGraph(entry: string): Promise<ModuleGraph> {
  return await readGraph(
    new URL(entry, ROOT).href,
    (url) => url.replace(ROOT.href, "").replace(/^npm:\/?(.+?)(?:@[\d.]+)?$/, "npm:$1"),
  );
}
