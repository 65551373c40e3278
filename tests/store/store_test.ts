import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { defaultDirectory } from "../../src/store/default_directory.ts";
import { peekStore } from "../../src/store/peek_store.ts";
import { readEntry } from "../../src/store/read_entry.ts";
import { sweep } from "../../src/store/sweep.ts";
import { writeEntry } from "../../src/store/write_entry.ts";
import { programEnvironment } from "../support/program.ts";

const unix = { ignore: Deno.build.os === "windows" };

/** A directory of the test's own, with the store in it. */
async function scratch() {
  const root = await Deno.makeTempDir();
  const directory = `${root}/a/store`;
  return {
    directory,
    place: (key: string) => ({ directory, kind: "things", key }),
    files: async () => {
      const names: string[] = [];
      for await (const { name } of Deno.readDir(`${directory}/things`)) names.push(name);
      return names.sort();
    },
    [Symbol.asyncDispose]: () => Deno.remove(root, { recursive: true }),
  };
}

Deno.test("What is stored is read again, by key and kind, and replaced as a whole", async () => {
  await using it = await scratch();
  const key = "https://ada:secret@example.com/mcp?key=abc";
  strictEqual(await readEntry(it.place(key)), undefined);
  strictEqual(await writeEntry(it.place(key), { a: [1, "ü"] }), true);
  deepStrictEqual(await readEntry(it.place(key)), { a: [1, "ü"] });
  await writeEntry(it.place(key), { b: 2 });
  deepStrictEqual(await readEntry(it.place(key)), { b: 2 });
  strictEqual(await readEntry(it.place(`${key}/`)), undefined);
  strictEqual(await readEntry({ ...it.place(key), kind: "others" }), undefined);
  const [name, ...others] = await it.files();
  match(name!, /^[0-9a-f]{32}\.json$/);
  deepStrictEqual(others, []);
});

Deno.test("What is stored is for this user alone", unix, async () => {
  await using it = await scratch();
  await writeEntry(it.place("k"), 1);
  const mode = (path: string) => Deno.statSync(path).mode! & 0o777;
  strictEqual(mode(it.directory), 0o700);
  strictEqual(mode(`${it.directory}/things`), 0o700);
  strictEqual(mode(`${it.directory}/things/${(await it.files())[0]}`), 0o600);
});

Deno.test("A damaged file counts as absent, and is replaced", async () => {
  await using it = await scratch();
  await writeEntry(it.place("k"), { a: 1 });
  const path = `${it.directory}/things/${(await it.files())[0]}`;
  for (const text of ["", '{"a":', "\0\0\0\0", "{} {}"]) {
    await Deno.writeTextFile(path, text);
    strictEqual(await readEntry(it.place("k")), undefined);
    strictEqual(peekStore(it.directory).read("things", "k"), undefined);
  }
  await writeEntry(it.place("k"), { a: 2 });
  deepStrictEqual(await readEntry(it.place("k")), { a: 2 });
});

Deno.test("A look at once finds what is stored, and nothing where nothing is", async () => {
  await using it = await scratch();
  const look = (kind: string, key: string) => {
    const store = peekStore(it.directory);
    return [store.has(kind, key), store.read(kind, key)];
  };
  deepStrictEqual(look("things", "k"), [false, undefined]);
  await writeEntry(it.place("k"), { a: "ü" });
  deepStrictEqual(look("things", "k"), [true, { a: "ü" }]);
  deepStrictEqual(look("things", "l"), [false, undefined]);
  deepStrictEqual(look("others", "k"), [false, undefined]);
});

Deno.test("Many who write the same at once leave one whole value, and nothing else", async () => {
  await using it = await scratch();
  const values = Array.from({ length: 20 }, (_, i) => ({ i, text: "x".repeat(10_000) }));
  await Promise.all(values.map((value) => writeEntry(it.place("k"), value)));
  const read = await readEntry(it.place("k")) as { i: number };
  deepStrictEqual(read, values[read.i]);
  strictEqual((await it.files()).length, 1);
});

Deno.test("Where it can't be written that is said, and nothing is left", async () => {
  await using it = await scratch();
  await Deno.mkdir(it.directory, { recursive: true });
  await Deno.writeTextFile(`${it.directory}/things`, "a file");
  await rejects(writeEntry(it.place("k"), 1));
  await Deno.remove(`${it.directory}/things`);
  await writeEntry(it.place("k"), 1);
  const [name] = await it.files();
  await Deno.remove(`${it.directory}/things/${name}`);
  await Deno.mkdir(`${it.directory}/things/${name}`);
  await rejects(writeEntry(it.place("k"), 1));
  await rejects(readEntry(it.place("k")));
  deepStrictEqual(await it.files(), [name]);
});

Deno.test("Sweeping removes what is old, and what was never finished", async () => {
  await using it = await scratch();
  const hour = 60 * 60 * 1000;
  await writeEntry(it.place("old"), 1);
  const [old] = await it.files();
  await writeEntry(it.place("new"), 2);
  for (const [name, age] of [[old, 3 * hour], ["x.tmp", 2 * hour], ["y.tmp", hour / 2]] as const) {
    const path = `${it.directory}/things/${name}`;
    if (name !== old) await Deno.writeTextFile(path, "{");
    const at = new Date(Date.now() - age);
    await Deno.utime(path, at, at);
  }
  await sweep({ directory: it.directory, kind: "things", ageMs: 2.5 * hour });
  strictEqual(await readEntry(it.place("old")), undefined);
  strictEqual(await readEntry(it.place("new")), 2);
  deepStrictEqual((await it.files()).filter((name) => name.endsWith(".tmp")), ["y.tmp"]);
});

Deno.test("Without Deno's permission nothing is read or written, and nothing asks", async () => {
  await using it = await scratch();
  await writeEntry(it.place("k"), 1);
  const module = (name: string) => new URL(`../../src/store/${name}.ts`, import.meta.url).href;
  const place = JSON.stringify(it.place("k"));
  const script = `
    import { readEntry } from "${module("read_entry")}";
    import { peekStore } from "${module("peek_store")}";
    import { writeEntry } from "${module("write_entry")}";
    import { sweep } from "${module("sweep")}";
    const place = ${place};
    await sweep({ ...place, ageMs: -1 });
    const peeked = peekStore(place.directory).read(place.kind, place.key);
    console.log(JSON.stringify([await readEntry(place) ?? null, peeked ?? null, await writeEntry(place, 2)]));`;
  for (
    const [flags, expected] of [
      [[], [null, null, false]],
      [["--allow-read"], [1, 1, false]],
      [["--allow-write"], [null, null, false]],
    ] as const
  ) {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", ...flags, `data:text/javascript,${encodeURIComponent(script)}`],
      env: programEnvironment(),
      stdin: "null",
    }).output();
    const text = new TextDecoder().decode(stdout);
    ok(text !== "", new TextDecoder().decode(stderr));
    deepStrictEqual(JSON.parse(text), expected);
  }
  strictEqual(await readEntry(it.place("k")), 1);
});

type Variables = Readonly<Record<string, string>>;
const DIRECTORIES: [os: typeof Deno.build.os, variables: Variables, directory: string | undefined][] = [
  ["linux", { HOME: "/home/ada" }, "/home/ada/.local/state/mcp-connect"],
  ["linux", { HOME: "/home/ada", XDG_STATE_HOME: "/state" }, "/state/mcp-connect"],
  ["linux", { HOME: "/home/ada", XDG_STATE_HOME: "state" }, "/home/ada/.local/state/mcp-connect"],
  ["linux", { XDG_STATE_HOME: "/state" }, "/state/mcp-connect"],
  ["linux", { HOME: "" }, undefined],
  ["linux", {}, undefined],
  ["freebsd", { HOME: "/home/ada" }, "/home/ada/.local/state/mcp-connect"],
  [
    "darwin",
    { HOME: "/Users/ada", XDG_STATE_HOME: "/state" },
    "/Users/ada/Library/Application Support/mcp-connect",
  ],
  ["darwin", {}, undefined],
  [
    "windows",
    { LOCALAPPDATA: "C:\\Users\\ada\\AppData\\Local" },
    "C:\\Users\\ada\\AppData\\Local\\mcp-connect",
  ],
  ["windows", { LOCALAPPDATA: "\\\\server\\ada" }, "\\\\server\\ada\\mcp-connect"],
  ["windows", { LOCALAPPDATA: "Local", HOME: "/home/ada" }, undefined],
];
for (const [os, variables, directory] of DIRECTORIES) {
  Deno.test(`The store's place on ${os} with ${JSON.stringify(variables)} is ${directory}`, () => {
    strictEqual(defaultDirectory(os, (name) => variables[name]), directory);
  });
}
