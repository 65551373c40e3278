import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { type FileState, watchFile } from "../../../src/balance/sources/watch_file.ts";
import { told } from "./told.ts";

/** How often to look where events are to be shown to be enough, in milliseconds. */
const NEVER = 3_600_000;
const isWindows = Deno.build.os === "windows";

interface Watching {
  readonly path: string;
  readonly directory: string;
  readonly states: ReturnType<typeof told<FileState>>;
  reread(): void;
}

async function watching(
  pollMs: number,
  prepare: (directory: string) => Promise<string>,
  use: (it: Watching) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const over = new AbortController();
  let ended: Promise<void> | undefined;
  try {
    const path = await prepare(directory);
    const states = told<FileState>();
    const watched = watchFile({ path, seen: states.tell, signal: over.signal, pollMs });
    ended = watched.ended;
    await watched.first;
    await use({ path, directory, states, reread: watched.reread });
  } finally {
    over.abort();
    await ended;
    await Deno.remove(directory, { recursive: true });
  }
}

/** A file with this text. */
const holding = (text: string) => async (directory: string) => {
  await Deno.writeTextFile(`${directory}/f`, text);
  return `${directory}/f`;
};
const text = (text: string): FileState => ({ kind: "text", text });
/** Where a write is slow, what is there before it is over may be told as well. */
const isText = (text: string) => (state: FileState) => state.kind === "text" && state.text === text;

for (const [how, pollMs] of [["the system's events", NEVER], ["looking now and then", 20]] as const) {
  Deno.test(`by ${how}: a file that is written in place, replaced, removed and made again is seen each time`, () =>
    watching(pollMs, holding("a"), async ({ path, directory, states }) => {
      deepStrictEqual(await states.next(), text("a"));
      await Deno.writeTextFile(path, "b");
      await states.next(isText("b"));
      await Deno.writeTextFile(`${directory}/f.new`, "c");
      await Deno.rename(`${directory}/f.new`, path);
      deepStrictEqual(await states.next(), text("c"));
      await Deno.remove(path);
      deepStrictEqual(await states.next(), { kind: "missing" });
      await Deno.writeTextFile(path, "d");
      await states.next(isText("d"));
    }));

  Deno.test(`by ${how}: a file behind links is seen when one of them is swapped, as Kubernetes does it`, {
    ignore: isWindows,
  }, () =>
    watching(pollMs, async (directory) => {
      for (const version of ["1", "2"]) {
        await Deno.mkdir(`${directory}/..${version}`);
        await Deno.writeTextFile(`${directory}/..${version}/f`, version);
      }
      await Deno.symlink("..1", `${directory}/..data`);
      await Deno.symlink("..data/f", `${directory}/f`);
      return `${directory}/f`;
    }, async ({ directory, states }) => {
      deepStrictEqual(await states.next(), text("1"));
      await Deno.symlink("..2", `${directory}/..data_tmp`);
      await Deno.rename(`${directory}/..data_tmp`, `${directory}/..data`);
      await Deno.remove(`${directory}/..1`, { recursive: true });
      deepStrictEqual(await states.next(), text("2"));
    }));
}

Deno.test("a file that a link leads to in another directory is seen by looking now and then", {
  ignore: isWindows,
}, () =>
  watching(20, async (directory) => {
    await Deno.mkdir(`${directory}/there`);
    await Deno.writeTextFile(`${directory}/there/g`, "a");
    await Deno.mkdir(`${directory}/here`);
    await Deno.symlink("../there/g", `${directory}/here/f`);
    return `${directory}/here/f`;
  }, async ({ directory, states }) => {
    deepStrictEqual(await states.next(), text("a"));
    await Deno.writeTextFile(`${directory}/there/g`, "b");
    await states.next(isText("b"));
  }));

Deno.test("a file is found though its directory comes later", () =>
  watching(
    20,
    (directory) => Promise.resolve(`${directory}/later/f`),
    async ({ path, directory, states }) => {
      deepStrictEqual(await states.next(), { kind: "missing" });
      await Deno.mkdir(`${directory}/later`);
      await Deno.writeTextFile(path, "a");
      deepStrictEqual(await states.next(), text("a"));
    },
  ));

Deno.test("a file that is being written is read when that is over", () =>
  watching(NEVER, holding("a"), async ({ path, states }) => {
    await states.next();
    using file = await Deno.open(path, { write: true, truncate: true });
    for (const part of ["one ", "two ", "three"]) await file.write(new TextEncoder().encode(part));
    await states.next(isText("one two three"));
  }));

Deno.test("what says the same as before is not told again, also when it is to be looked at now", () =>
  watching(NEVER, holding("a"), async ({ path, directory, states, reread }) => {
    await states.next();
    await Deno.writeTextFile(`${directory}/f.new`, "a");
    await Deno.rename(`${directory}/f.new`, path);
    reread();
    await Deno.writeTextFile(`${directory}/f.new`, "b");
    await Deno.rename(`${directory}/f.new`, path);
    deepStrictEqual(await states.next(), text("b"));
    strictEqual(states.all.length, 2);
  }));

Deno.test("a file that can't be read says why", () =>
  watching(NEVER, async (directory) => {
    await Deno.writeFile(`${directory}/f`, new Uint8Array([0xff, 0xfe, 0xfd]));
    return `${directory}/f`;
  }, async ({ path, states }) => {
    deepStrictEqual(await states.next(), { kind: "unreadable", why: "it is not text (UTF-8)" });
    await Deno.remove(path);
    await Deno.mkdir(path);
    deepStrictEqual(
      await states.next((state) => state.kind !== "missing"),
      { kind: "unreadable", why: "it is a directory" },
    );
  }));

Deno.test("a missing permission is told of, and nothing is asked", async () => {
  const script = `
    import { watchFile } from ${
    JSON.stringify(new URL("../../../src/balance/sources/watch_file.ts", import.meta.url).href)
  };
    const over = new AbortController();
    const watched = watchFile({ path: "/etc/hosts", seen: (it) => Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(it))), signal: over.signal });
    await watched.first;
    over.abort();
  `;
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", `data:application/typescript,${encodeURIComponent(script)}`],
    stdin: "null",
  }).output();
  const state = new TextDecoder().decode(stdout);
  match(state, /unreadable.*--allow-read=\/etc\/hosts/);
  strictEqual(code, 0);
  ok(!state.includes("localhost"));
});
