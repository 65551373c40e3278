import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { notesFor } from "../../scripts/release/notes.ts";
import { judgeVersions } from "../../scripts/release/version.ts";
import { readFile } from "./release_files.ts";

const CHANGELOG = `# Changelog

## [Unreleased]

## [1.10.0] - 2026-05-01

### Added

- One.

### Fixed

- Two.

## [1.1.0] - 2026-01-01

- Three.

[1.10.0]: https://example.com/1.10.0
[1.1.0]: https://example.com/1.1.0
`;

Deno.test("a release's notes are its section of the changelog, and no more", () => {
  strictEqual(notesFor(CHANGELOG, "1.10.0"), "### Added\n\n- One.\n\n### Fixed\n\n- Two.\n");
  strictEqual(notesFor(CHANGELOG, "1.1.0"), "- Three.\n");
  strictEqual(
    notesFor(CHANGELOG.replaceAll("\n", "\r\n"), "1.10.0"),
    "### Added\n\n- One.\n\n### Fixed\n\n- Two.\n",
  );
});

Deno.test("what looks like a heading in a block of code is none, and a link keeps its address", () => {
  const section = [
    "See [the guide][guide] and [Notes].",
    "",
    "```md",
    "## [1.9.0]",
    "[1.9.0]: in the block",
    "~~~",
    "```",
    "",
    "After it.",
  ].join("\n");
  const changelog =
    `# Changelog\n\n## [2.0.0] - 2026-06-01\n\n${section}\n\n[guide]: https://example.com/guide\n
${CHANGELOG.slice("# Changelog\n\n".length)}[notes]: https://example.com/notes\n`;
  strictEqual(
    notesFor(changelog, "2.0.0"),
    `${section}\n\n[guide]: https://example.com/guide\n[notes]: https://example.com/notes\n`,
  );
  strictEqual(notesFor(changelog, "1.1.0"), "- Three.\n");
});

Deno.test("a version that the changelog says nothing of is not released", () => {
  for (const version of ["1.1", "1.0.0", "1.10.0-rc.1", "Unreleased"]) {
    throws(() => notesFor(CHANGELOG, version), new RegExp(`of ${version}|for ${version}`), version);
  }
});

const PLACES = {
  manifest: '{"name": "@a/b", "version": "1.10.0"}',
  source: 'export const VERSION = "1.10.0";\nexport const PACKAGE = "@a/b";\n',
  changelog: CHANGELOG,
};

Deno.test("a tag that is not the version in the files is not released", () => {
  const table:
    readonly (readonly [places: Partial<Parameters<typeof judgeVersions>[0]>, problem?: RegExp])[] = [
      [{}],
      [{ tag: "v1.10.0" }],
      [{ tag: "1.10.0" }, /the tag is 1\.10\.0/],
      [{ tag: "v1.1.0" }, /the tag is v1\.1\.0, deno\.json has 1\.10\.0/],
      [{ source: PLACES.source.replace("1.10.0", "1.1.0") }, /src\/version\.ts has 1\.1\.0/],
      [{ source: PLACES.source.replace("VERSION", "X") }, /src\/version\.ts has no version/],
      [{ source: PLACES.source.replace("@a", "@c") }, /src\/version\.ts has @c\/b, deno\.json @a\/b/],
      [{ changelog: "" }, /CHANGELOG\.md has no section for 1\.10\.0/],
    ];
  for (const [places, problem] of table) {
    const { version, problems } = judgeVersions({ ...PLACES, ...places });
    strictEqual(version, "1.10.0");
    strictEqual(problems.length, problem === undefined ? 0 : 1, problems.join("\n"));
    if (problem !== undefined) strictEqual(problem.test(problems[0]!), true, problems[0]);
  }
  strictEqual(
    judgeVersions({ ...PLACES, manifest: '{"name": "@a/b", "version": "1.10"}' }).problems.length,
    3,
  );
});

Deno.test("this checkout can be released: its files name one version, and the changelog has it", () => {
  const { problems } = judgeVersions({
    manifest: readFile("deno.json"),
    source: readFile("src/version.ts"),
    changelog: readFile("CHANGELOG.md"),
  });
  deepStrictEqual(problems, []);
});
