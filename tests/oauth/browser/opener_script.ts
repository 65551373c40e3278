/** A program that stands in for a browser: it writes down what it was given. */
export interface OpenerScript extends AsyncDisposable {
  readonly path: string;
  /** The arguments of each start so far, oldest first. */
  starts(): string[][];
  /** What it printed of its surroundings at its last start, by name. */
  facts(): Record<string, string>;
}

/**
 * Writes an executable script.
 *
 * @param then shell code that it ends with
 * @param folder where the script is put, within a folder of its own
 */
export async function openerScript(then = "exit 0", folder = "a b"): Promise<OpenerScript> {
  const root = await Deno.makeTempDir({ prefix: "opener-" });
  await Deno.mkdir(`${root}/${folder}`, { recursive: true });
  const path = `${root}/${folder}/browser`;
  const script = `#!/bin/sh
{ for word in "$@"; do printf '%s\\0' "$word"; done; printf '\\n'; } >> '${root}/starts'
in=$(readlink /proc/$$/fd/0) out=$(readlink /proc/$$/fd/1) err=$(readlink /proc/$$/fd/2)
printf 'stdin=%s\\nstdout=%s\\nstderr=%s\\npid=%s\\n' "$in" "$out" "$err" "$$" > '${root}/facts'
${then}
`;
  await Deno.writeTextFile(path, script, { mode: 0o755 });
  const read = (name: string) => {
    try {
      return Deno.readTextFileSync(`${root}/${name}`).split("\n").filter((line) => line !== "");
    } catch {
      return [];
    }
  };
  return {
    path,
    starts: () => read("starts").map((line) => line.split("\0").slice(0, -1)),
    facts: () => Object.fromEntries(read("facts").map((line) => line.split("=", 2) as [string, string])),
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}
