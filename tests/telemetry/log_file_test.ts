import assert from "node:assert/strict";
import fc from "fast-check";
import { chunksFor } from "../../src/telemetry/log_chunks.ts";
import { type LogFile, logFile, logFileNames, type LogFileOptions } from "../../src/telemetry/log_file.ts";

const isWindows = Deno.build.os === "windows";
const line = (text: string) => new TextEncoder().encode(`${text}\n`);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const CHUNKS: [
  name: string,
  lines: string[],
  size: number,
  maxSize: number,
  chunks: [rotate: boolean, text: string][],
][] = [
  ["nothing", [], 5, 10, []],
  ["what fits is one piece", ["abc", "def"], 0, 10, [[false, "abc\ndef\n"]]],
  ["to the last byte", ["abc"], 6, 10, [[false, "abc\n"]]],
  ["one byte too much", ["abc"], 7, 10, [[true, "abc\n"]]],
  ["some here, the rest in the next", ["a", "b", "c"], 6, 10, [[false, "a\nb\n"], [true, "c\n"]]],
  ["over several files", ["abcd", "efgh", "ijkl"], 0, 9, [[false, "abcd\n"], [true, "efgh\n"], [
    true,
    "ijkl\n",
  ]]],
  ["too long a line has a file for itself", ["a", "bcdefghijkl", "m"], 0, 5, [
    [false, "a\n"],
    [true, "bcdefghijkl\n"],
    [true, "m\n"],
  ]],
  ["too long a line in an empty file", ["bcdefghijkl"], 0, 5, [[false, "bcdefghijkl\n"]]],
];

for (const [name, lines, size, maxSize, chunks] of CHUNKS) {
  Deno.test(`chunksFor: ${name}`, () => {
    const made = chunksFor(lines.map(line), size, maxSize);
    assert.deepEqual(made.map(({ rotate, bytes }) => [rotate, text(bytes)]), chunks);
    assert.equal(made.reduce((sum, chunk) => sum + chunk.lines, 0), lines.length);
  });
}

Deno.test("chunksFor loses nothing, cuts no line and fills no file beyond its size but with a line too long for any", () => {
  fc.assert(fc.property(
    fc.array(fc.string({ maxLength: 30 })),
    fc.nat({ max: 40 }),
    fc.integer({ min: 1, max: 40 }),
    (texts, size, maxSize) => {
      const lines = texts.map((it) => line(it.replaceAll("\n", "")));
      let filled = size;
      let all = "";
      for (const { rotate, bytes, lines: count } of chunksFor(lines, size, maxSize)) {
        filled = (rotate ? 0 : filled) + bytes.length;
        assert.ok(filled <= maxSize || count === 1, `${filled} > ${maxSize}`);
        all += text(bytes);
      }
      assert.equal(all, lines.map(text).join(""));
    },
  ));
});

/** A log file in a directory of its own. */
async function withLog(
  use: (log: LogFile, path: string, errors: unknown[]) => Promise<void>,
  options: Partial<LogFileOptions> = {},
): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/x.log`;
  const errors: unknown[] = [];
  const log = logFile({
    path,
    maxSize: 100,
    count: 3,
    failed: (error) => errors.push(error),
    missing: (count) => `${count} missing\n`,
    ...options,
  });
  try {
    await use(log, path, errors);
  } finally {
    await log.flush();
    await Deno.chmod(directory, 0o700).catch(() => {});
    await Deno.remove(directory, { recursive: true }).catch(() => {});
  }
}

const read = (path: string) => Deno.readTextFile(path);
const names = async (path: string) => {
  const directory = path.slice(0, path.lastIndexOf("/"));
  return (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();
};

Deno.test("the file is made at once, and for its owner alone", () =>
  withLog(async (log, path) => {
    await log.flush();
    assert.equal(await read(path), "");
    if (!isWindows) assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
    log.write("a\n");
    log.write("b\n");
    await log.flush();
    assert.equal(await read(path), "a\nb\n");
  }));

Deno.test("a full file becomes FILE.1, that FILE.2, and the oldest goes; each is of mode 0600", () =>
  withLog(async (log, path) => {
    for (const letter of "abcdefg") {
      log.write(letter.repeat(59) + "\n");
      await log.flush();
    }
    assert.deepEqual(await names(path), ["x.log", "x.log.1", "x.log.2", "x.log.lock"]);
    assert.deepEqual(
      await Promise.all(logFileNames({ path, count: 3 }).map(async (name) => (await read(name))[0])),
      ["g", "f", "e"],
    );
    if (isWindows) return;
    for (const name of logFileNames({ path, count: 3 })) {
      assert.equal((await Deno.stat(name)).mode! & 0o777, 0o600);
    }
  }));

Deno.test("one burst may fill several files", () =>
  withLog(async (log, path) => {
    for (let i = 0; i < 6; i++) log.write(`${i}`.repeat(39) + "\n");
    await log.flush();
    const files = await Promise.all(logFileNames({ path, count: 3 }).map(read));
    assert.deepEqual(files.map((it) => it.split("\n").map((row) => row[0] ?? "").join("")), [
      "45",
      "23",
      "01",
    ]);
  }));

Deno.test("with a count of 1 the file begins anew", () =>
  withLog(async (log, path) => {
    for (const letter of "ab") log.write(letter.repeat(59) + "\n");
    await log.flush();
    assert.deepEqual(await names(path), ["x.log", "x.log.lock"]);
    assert.equal((await read(path))[0], "b");
  }, { count: 1 }));

Deno.test("what was in the file stays, and counts", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/x.log`;
  await Deno.writeTextFile(path, "old\n", { mode: 0o644 });
  const log = logFile({ path, maxSize: 10, count: 2, failed: () => {}, missing: () => "" });
  log.write("new 1\n");
  log.write("new 2\n");
  await log.flush();
  assert.deepEqual([await read(`${path}.1`), await read(path)], ["old\nnew 1\n", "new 2\n"]);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a file that others move or remove is made anew", () =>
  withLog(async (log, path, errors) => {
    log.write("a\n");
    await log.flush();
    await Deno.rename(path, `${path}.moved`);
    log.write("b\n");
    await log.flush();
    assert.equal(await read(path), "b\n");
    await Deno.remove(path);
    log.write("c\n");
    await log.flush();
    assert.equal(await read(path), "c\n");
    assert.deepEqual(errors, []);
  }));

Deno.test("a vanished directory is told of once, and when it is back the log tells what is missing", () =>
  withLog(async (log, path, errors) => {
    await log.flush();
    const directory = path.slice(0, path.lastIndexOf("/"));
    await Deno.rename(directory, `${directory}.away`);
    try {
      for (const letter of "abc") {
        log.write(`${letter}\n`);
        await log.flush();
      }
      assert.equal(errors.length, 1);
    } finally {
      await Deno.rename(`${directory}.away`, directory);
    }
    log.write("d\n");
    log.write("e\n");
    await log.flush();
    assert.equal(await read(path), "3 missing\nd\ne\n");
    log.write("f\n");
    await log.flush();
    assert.equal(await read(path), "3 missing\nd\ne\nf\n");
    assert.equal(errors.length, 1);
  }));

Deno.test("where files can't be renamed the log goes on in the one it has, and tells of it once", {
  ignore: isWindows,
}, () =>
  withLog(async (log, path, errors) => {
    // What stands in the way of the new name can't be replaced by a file.
    await Deno.mkdir(`${path}.1/full`, { recursive: true });
    for (const letter of "abc") {
      log.write(letter.repeat(59) + "\n");
      await log.flush();
    }
    assert.equal((await read(path)).split("\n").map((it) => it[0] ?? "").join(""), "abc");
    assert.equal(errors.length, 1);
  }, { count: 2 }));

Deno.test(
  "a full disk loses lines, and never a part of one (Linux)",
  { ignore: Deno.build.os !== "linux" },
  async () => {
    // A device on which every write fails for want of space.
    const errors: unknown[] = [];
    const directory = await Deno.makeTempDir();
    await Deno.symlink("/dev/full", `${directory}/x.log`);
    const log = logFile({
      path: `${directory}/x.log`,
      maxSize: 100,
      count: 3,
      failed: (error) => errors.push(error),
      missing: (count) => `${count} missing\n`,
    });
    for (let i = 0; i < 3; i++) {
      log.write("a\n");
      await log.flush();
    }
    assert.equal(errors.length, 1);
    assert.match(String(errors[0]), /space|ENOSPC|os error 28/i);
    await Deno.remove(`${directory}/x.log`);
    log.write("b\n");
    await log.flush();
    assert.equal(await read(`${directory}/x.log`), "3 missing\nb\n");
    await Deno.remove(directory, { recursive: true });
  },
);

Deno.test("what waits is bounded", () =>
  withLog(async (log, path) => {
    for (let i = 0; i < 40; i++) log.write("x".repeat(65_535) + "\n");
    await log.flush();
    log.write("end\n");
    await log.flush();
    const all = await read(path);
    assert.ok(all.length < 1_200_000, `${all.length}`);
    assert.ok(/^x+\n(?:x+\n)+\d\d missing\nend\n$/.test(all), all.slice(-100));
  }, { maxSize: 1e9 }));

const WRITER = `
  const { logFile } = await import(${
  JSON.stringify(new URL("../../src/telemetry/log_file.ts", import.meta.url).href)
});
  const [path, name, lines] = Deno.args;
  const log = logFile({ path, maxSize: 20_000, count: 100, failed: (error) => { throw error; }, missing: String });
  for (let i = 0; i < Number(lines); i++) {
    log.write(name + "-" + i + "-" + "x".repeat(i % 100) + ";\\n");
    if (i % 7 === 0) await log.flush();
  }
  await log.flush();
`;

Deno.test("several processes share a file: no line is torn, lost or written twice, and none fights over the files", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/x.log`;
  const [processes, lines] = [5, 1500];
  const runs = Array.from({ length: processes }, (_, i) =>
    new Deno.Command(Deno.execPath(), {
      args: ["eval", "--quiet", "--ext=ts", WRITER, path, `p${i}`, String(lines)],
      stdin: "null",
    }).output());
  for (const { code, stderr } of await Promise.all(runs)) assert.equal(code, 0, text(stderr));
  const seen = new Map<string, number>();
  let files = 0;
  for await (const { name } of Deno.readDir(directory)) {
    if (name.endsWith(".lock")) continue;
    files++;
    const content = await read(`${directory}/${name}`);
    assert.ok(content.length <= 20_000, `${name} has ${content.length}`);
    assert.ok(content.endsWith(";\n"), name);
    for (const row of content.trimEnd().split("\n")) {
      const match = /^(p\d)-(\d+)-(x*);$/.exec(row);
      assert.ok(match !== null && match[3]!.length === Number(match[2]) % 100, `torn in ${name}: ${row}`);
      const key = `${match[1]}-${match[2]}`;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
  }
  assert.equal(seen.size, processes * lines);
  assert.ok([...seen.values()].every((count) => count === 1));
  assert.ok(files > 10, `${files} files`);
  await Deno.remove(directory, { recursive: true });
});
