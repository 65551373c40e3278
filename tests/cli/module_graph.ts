/** Which modules of `src` load which, as Deno sees it. */
const ROOT = new URL("../../", import.meta.url);

interface Dependency {
  readonly isDynamic?: boolean;
  readonly code?: { readonly specifier?: string };
}

/** What is known of a module. */
export interface LoadedModule {
  /** What it loads at once. */
  readonly statics: readonly string[];
  /** What it loads when a line of its runs. */
  readonly dynamics: readonly string[];
}

/** The modules by their paths from the repository's root; packages as Deno names them, without versions. */
export type ModuleGraph = ReadonlyMap<string, LoadedModule>;

/** Reads the graph from an entry on. @throws {Error} when Deno can't */
export async function moduleGraph(entry: string): Promise<ModuleGraph> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", new URL(entry, ROOT).href],
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const { redirects, modules } = JSON.parse(new TextDecoder().decode(stdout));
  const nameOf = (specifier: string) =>
    ((redirects[specifier] ?? specifier) as string).replace(ROOT.href, "").replace(
      /^npm:\/?(.+?)(?:@[\d.]+)?$/,
      "npm:$1",
    );
  return new Map(
    modules.map(({ specifier, dependencies = [] }: { specifier: string; dependencies?: Dependency[] }) => {
      const targets = (dynamic: boolean) =>
        dependencies.filter(({ isDynamic = false }) => isDynamic === dynamic)
          .flatMap(({ code }) => code?.specifier === undefined ? [] : [nameOf(code.specifier)]);
      return [nameOf(specifier), { statics: targets(false), dynamics: targets(true) }];
    }),
  );
}

/** What is loaded at once with a module: itself and all it imports statically. */
export function loadedWith(graph: ModuleGraph, start: string): string[] {
  const seen = new Set([start]);
  for (const name of seen) for (const next of graph.get(name)?.statics ?? []) seen.add(next);
  return [...seen].sort();
}
