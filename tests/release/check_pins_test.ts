import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { checkPins, commitOf, pinsIn } from "../../scripts/release/check_pins.ts";
import { run } from "./npm_tools.ts";
import { ROOT } from "./release_files.ts";
import { fileURLToPath } from "node:url";

const HASH = "0123456789abcdef0123456789abcdef01234567";
const WORKFLOWS = fileURLToPath(new URL(".github/workflows", ROOT));

Deno.test("every action of the workflows is pinned by its hash, and named with its version", async () => {
  let count = 0;
  for await (const { name } of Deno.readDir(WORKFLOWS)) {
    const { pins, problems } = pinsIn(name, await Deno.readTextFile(`${WORKFLOWS}/${name}`));
    deepStrictEqual(problems, []);
    count += pins.length;
  }
  ok(count > 0);
});

Deno.test("a pin is a hash with its tag behind it; all else is a problem", () => {
  const right = [
    `      - uses: a/b@${HASH} # v1.2.3`,
    `        uses: a/b@${HASH} # v1.2.3`,
    `  - uses: a/b/deep/er@${HASH} # v1.2.3`,
  ];
  for (const line of right) {
    const { pins, problems } = pinsIn("x.yml", `jobs:\n${line}\n`);
    deepStrictEqual(problems, []);
    deepStrictEqual(pins, [{ file: "x.yml", line: 2, owner: "a", name: "b", hash: HASH, tag: "v1.2.3" }]);
  }
  const wrong = [
    "- uses: a/b@v1.2.3",
    `- uses: a/b@${HASH}`,
    `- uses: a/b@${HASH} # v1`,
    `- uses: a/b@${HASH.slice(1)} # v1.2.3`,
    `- uses: "a/b@${HASH}" # v1.2.3`,
    "- { uses: a/b@main }",
    "- uses: docker://alpine",
    "- 'uses': a/b@main",
    "uses : a/b@main",
  ];
  for (const line of wrong) {
    const { pins, problems } = pinsIn("x.yml", line);
    deepStrictEqual([pins.length, problems.length], [0, 1], line);
  }
  // What is not asked for from anywhere else.
  for (const line of ["- uses: ./.github/workflows/ci.yml", "# - uses: a/b@v1", "- run: echo uses", ""]) {
    deepStrictEqual(pinsIn("x.yml", line), { pins: [], problems: [] }, line);
  }
});

Deno.test("a tag with a text of its own stands for its commit", () => {
  const [tag, commit] = ["a", "b"].map((it) => it.repeat(40));
  strictEqual(commitOf(`${tag}\trefs/tags/v1.0.0\n${commit}\trefs/tags/v1.0.0^{}\n`, "v1.0.0"), commit);
  strictEqual(commitOf(`${commit}\trefs/tags/v1.0.0\n`, "v1.0.0"), commit);
  strictEqual(commitOf(`${commit}\trefs/tags/v1.0.0\n`, "v1.0"), undefined);
  strictEqual(commitOf("", "v1.0.0"), undefined);
});

Deno.test("a hash that is not what its tag names in the action's own repository is found", async () => {
  const directory = await Deno.makeTempDir();
  const git = (...args: string[]) =>
    run(["git", "-C", `${directory}/owner+action`, ...args], {
      env: {
        GIT_CONFIG_GLOBAL: `${directory}/none`,
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_AUTHOR_NAME: "a",
        GIT_AUTHOR_EMAIL: "a@example.com",
        GIT_COMMITTER_NAME: "a",
        GIT_COMMITTER_EMAIL: "a@example.com",
      },
    });
  try {
    await Deno.mkdir(`${directory}/owner+action`);
    await Deno.mkdir(`${directory}/workflows`);
    await git("init", "--quiet");
    await git("commit", "--quiet", "--allow-empty", "--message", "one");
    await git("tag", "v1.0.0");
    await git("commit", "--quiet", "--allow-empty", "--message", "two");
    await git("tag", "--annotate", "--message", "two", "v1.1.0");
    const one = (await git("rev-parse", "v1.0.0^{commit}")).trim();
    const two = (await git("rev-parse", "v1.1.0^{commit}")).trim();
    const object = (await git("rev-parse", "v1.1.0")).trim();
    const check = async (...uses: string[]) => {
      await Deno.writeTextFile(
        `${directory}/workflows/x.yml`,
        uses.map((it) => `- uses: owner/${it}\n`).join(""),
      );
      return await checkPins(`${directory}/workflows`, `${directory}/{owner}+{name}`);
    };
    deepStrictEqual(await check(`action@${one} # v1.0.0`, `action@${two} # v1.1.0`), {
      count: 2,
      problems: [],
    });
    const table: readonly (readonly [uses: string, problem: RegExp])[] = [
      [`action@${two} # v1.0.0`, new RegExp(`v1\\.0\\.0 is ${one}, not ${two}`)],
      [`action@${object} # v1.1.0`, new RegExp(`v1\\.1\\.0 is ${two}, not ${object}`)],
      [`action@${HASH} # v1.0.0`, new RegExp(`not ${HASH}`)],
      [`action@${one} # v9.0.0`, /owner\/action has no tag v9\.0\.0/],
      [`other@${one} # v1.0.0`, /owner\/other: fatal/],
      ["action@v1.0.0", /not pinned/],
    ];
    for (const [uses, problem] of table) {
      const { problems } = await check(uses);
      strictEqual(problems.length, 1, uses);
      match(problems[0]!, problem);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
