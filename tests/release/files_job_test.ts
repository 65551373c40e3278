import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { parse } from "yaml";
import { parseChecksums } from "../../scripts/release/checksums.ts";
import { executableName, RELEASE_TARGETS } from "../../scripts/release/targets.ts";
import { VERSION } from "../../src/version.ts";
import { run } from "./npm_tools.ts";
import { readFile, ROOT } from "./release_files.ts";
import { fileURLToPath } from "node:url";

const CHECKOUT = ["src", "scripts", "deno.json", "deno.lock", "LICENSE", "README.md", "CHANGELOG.md"];

/** The scripts of the workflow's job that makes the files, but those that install or ask for something elsewhere. */
const SCRIPTS: string[] = parse(readFile(".github/workflows/release.yml")).jobs.files.steps
  .map((step: { run?: string }) => step.run)
  .filter((it: string | undefined) => it !== undefined && !/^npm install|curl/.test(it));

const works = Deno.build.os !== "windows" &&
  await run(["bash", "-c", "command -v ruby sha256sum npm"]).then(() => true, () => false);

Deno.test("the workflow's own steps make all files of a release, and they fit together (bash, ruby)", {
  ignore: !works,
}, async (t) => {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  const temporary = await Deno.realPath(await Deno.makeTempDir());
  const files = `${directory}/files`;
  try {
    strictEqual(SCRIPTS.length, 5);
    await run(["cp", "-R", ...CHECKOUT.map((it) => fileURLToPath(new URL(it, ROOT))), directory]);
    await Deno.mkdir(files);
    for (const target of RELEASE_TARGETS) {
      await Deno.writeTextFile(`${files}/${executableName(target)}`, `the one for ${target.target}`);
    }
    // The workflow's Deno is the one that runs this.
    await Deno.mkdir(`${temporary}/bin`);
    await Deno.symlink(Deno.execPath(), `${temporary}/bin/deno`);
    for (const script of SCRIPTS) {
      await run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], {
        cwd: directory,
        env: {
          PATH: `${temporary}/bin:${Deno.env.get("PATH")}`,
          GITHUB_REPOSITORY: "example/mcp-connect",
          RUNNER_TEMP: temporary,
          VERSION,
          NPM_PACKAGE: "",
        },
      });
    }

    await t.step("they are the files that a release has", () => {
      const names = [...Deno.readDirSync(files)].map(({ name }) => name).sort();
      deepStrictEqual(
        names,
        [
          "SHA256SUMS",
          "mcp-connect.cdx.json",
          "mcp-connect.json",
          "mcp-connect.rb",
          `mcp-connect-${VERSION}.tgz`,
          ...RELEASE_TARGETS.map(executableName),
          ...RELEASE_TARGETS.map(({ target }) => `mcp-connect-${target}.mcpb`),
        ].sort(),
      );
      const listed = [...parseChecksums(Deno.readTextFileSync(`${files}/SHA256SUMS`)).keys()];
      deepStrictEqual(listed.sort(), names.filter((name) => name !== "SHA256SUMS"));
    });

    await t.step("the formula and the manifest have the checksums of the executables", () => {
      const checksums = parseChecksums(Deno.readTextFileSync(`${files}/SHA256SUMS`));
      const formula = Deno.readTextFileSync(`${files}/mcp-connect.rb`);
      const manifest = Deno.readTextFileSync(`${files}/mcp-connect.json`);
      for (const target of RELEASE_TARGETS) {
        const text = target.platform === "win32" ? manifest : formula;
        const name = executableName(target);
        ok(text.includes(`/releases/download/v${VERSION}/${name}`), name);
        ok(text.includes(checksums.get(name)!), name);
      }
    });

    await t.step("the notes are there", async () => {
      match(await Deno.readTextFile(`${directory}/notes.md`), /^(?:### |- |\w)/);
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
    await Deno.remove(temporary, { recursive: true });
  }
});
