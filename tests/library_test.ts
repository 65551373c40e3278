/** What the package promises to those who import it. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { REPOSITORY } from "./support/program.ts";

interface DocNode {
  readonly name?: string;
  readonly kind?: string;
}

const { exports, tasks } = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
const ENTRIES: readonly string[] = Object.values(exports);

/** Runs Deno where no network can be had: whatever it asks for goes to a proxy that is not there. */
async function offline(args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const nowhere = "http://127.0.0.1:1";
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: REPOSITORY,
    env: {
      HTTP_PROXY: nowhere,
      HTTPS_PROXY: nowhere,
      ALL_PROXY: nowhere,
      NO_PROXY: "localhost",
      NO_COLOR: "1",
    },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test("docs/library.md lists each export once, and nothing that is not exported", async () => {
  const { code, out, err } = await offline(["doc", "--json", ...ENTRIES]);
  strictEqual(code, 0, err);
  const exported = new Set(symbolsOf(JSON.parse(out)));
  const page = await Deno.readTextFile(new URL("../docs/library.md", import.meta.url));
  const listed = [...page.matchAll(/^\| `(\w+)` +\|/gm)].map(([, name]) => name!);
  deepStrictEqual(listed.toSorted(), [...exported].sort());
});

/** The names that the entries export. */
function symbolsOf(doc: { nodes: unknown }): string[] {
  const modules = Object.values(doc.nodes as Record<string, { symbols: readonly DocNode[] }>);
  return modules.flatMap(({ symbols }) => symbols.map(({ name }) => name ?? ""));
}

Deno.test("each entry says what it is", async () => {
  for (const entry of ENTRIES) {
    const text = await Deno.readTextFile(new URL(`../${entry}`, import.meta.url));
    const first = /^\/\*\*([^]*?)\*\//.exec(text)?.[1] ?? "";
    ok(first.includes("@module"), `${entry} has no documentation of its own`);
  }
});

Deno.test("what is exported is documented, with explicit types, and can be published; none of it needs the network", async () => {
  for (const command of [["doc", "--lint", ...ENTRIES], ["publish", "--dry-run", "--allow-dirty"]]) {
    const { code, out, err } = await offline(command);
    strictEqual(code, 0, out + err);
  }
});

Deno.test("deno task check looks at each entry, and at what would be published", () => {
  const check: string = tasks.check;
  for (const entry of ENTRIES) ok(check.includes(`deno doc --lint ${entry.replace("./", "")}`), entry);
  ok(check.includes("deno publish --quiet --dry-run --allow-dirty"));
});

Deno.test("the examples in docs/library.md work as they stand", async () => {
  const { code, out, err } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--quiet", "-A", "--doc", "docs/library.md"],
    cwd: REPOSITORY,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output().then(({ code, stdout, stderr }) => ({
    code,
    out: new TextDecoder().decode(stdout),
    err: new TextDecoder().decode(stderr),
  }));
  strictEqual(code, 0, out + err);
  ok(out.includes("| 2 passed"), out);
});
