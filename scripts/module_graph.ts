/** A module, and what it imports. */
interface Module {
  /** What is loaded with it. */
  readonly statics: readonly string[];
  /** What is loaded when a line of it runs. */
  readonly dynamics: readonly string[];
}

/** The modules of a program by their names, those with types alone left out. */
export type ModuleGraph = ReadonlyMap<string, Module>;

interface InfoModule {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly isDynamic?: boolean;
    readonly code?: { readonly specifier?: string };
  }[];
}

/**
 * Reads the graph from an entry's URL on.
 *
 * @param nameOf names a module; by default its URL does
 * @throws {Error} when Deno can't tell
 */
export async function moduleGraph(
  entry: string,
  nameOf: (url: string) => string = (url) => url,
): Promise<ModuleGraph> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", entry],
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const { modules, redirects }: { modules: InfoModule[]; redirects: Record<string, string> } = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  const named = (url: string) => nameOf(redirects[url] ?? url);
  const all = new Map(modules.map(({ specifier, dependencies = [] }): [string, Module] => {
    const targets = (dynamic: boolean) =>
      dependencies.filter(({ isDynamic = false }) => isDynamic === dynamic)
        .flatMap(({ code }) => code?.specifier === undefined ? [] : named(code.specifier));
    return [named(specifier), { statics: targets(false), dynamics: targets(true) }];
  }));
  const reached = new Set([named(entry)]);
  for (const url of reached) {
    for (const next of [...all.get(url)?.statics ?? [], ...all.get(url)?.dynamics ?? []]) reached.add(next);
  }
  return new Map([...all].filter(([url]) => reached.has(url)));
}

/** What is loaded at once with a module: itself and all it imports statically; sorted. */
export function loadedWith(graph: ModuleGraph, entry: string): string[] {
  const loaded = new Set([entry]);
  for (const url of loaded) for (const next of graph.get(url)?.statics ?? []) loaded.add(next);
  return [...loaded].sort();
}

/** The files that are loaded when a line runs; sorted. */
export function loadedLater(graph: ModuleGraph): string[] {
  const later = [...graph.values()].flatMap(({ dynamics }) => dynamics);
  return [...new Set(later)].filter((url) => url.startsWith("file:")).sort();
}
