import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { parse } from "yaml";
import { run } from "./npm_tools.ts";
import { readFile } from "./release_files.ts";

const { jobs } = parse(readFile(".github/workflows/release.yml"));
const works = Deno.build.os !== "windows" &&
  await run(["bash", "-c", "command -v git"]).then(() => true, () => false);

const PLACES = [
  ["homebrew", "tap", "mcp-connect.rb", "Formula/mcp-connect.rb"],
  ["scoop", "bucket", "mcp-connect.json", "bucket/mcp-connect.json"],
] as const;

for (const [job, clone, file, path] of PLACES) {
  const script: string = jobs[job].steps.at(-1).run;
  Deno.test(`what is published for ${job} is one commit, and none when it is the same again (bash, git)`, {
    ignore: !works,
  }, async () => {
    const directory = await Deno.realPath(await Deno.makeTempDir());
    const env = { GIT_CONFIG_GLOBAL: `${directory}/none`, GIT_CONFIG_NOSYSTEM: "1" };
    const git = (...args: string[]) => run(["git", ...args], { cwd: directory, env });
    const publish = (version: string) =>
      run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], {
        cwd: directory,
        env: { ...env, VERSION: version },
      });
    try {
      await git("init", "--quiet", "--bare", "--initial-branch", "main", "there");
      await git("clone", "--quiet", "there", clone);
      await Deno.mkdir(`${directory}/files`);
      await Deno.writeTextFile(`${directory}/files/${file}`, "one");
      await publish("1.0.0");
      await publish("1.0.0");
      strictEqual(await git("-C", "there", "show", `main:${path}`), "one");
      await Deno.writeTextFile(`${directory}/files/${file}`, "two");
      await publish("1.1.0");
      strictEqual(await git("-C", "there", "show", `main:${path}`), "two");
      const log = (await git("-C", "there", "log", "--format=%s", "main")).trim().split("\n");
      deepStrictEqual(log, ["mcp-connect 1.1.0", "mcp-connect 1.0.0"]);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

/** What was asked of `gh`, when the release is in a state; the last is how the step ended. */
async function publishOnGithub(
  state: "absent" | "draft" | "same" | "other",
  channel: string,
): Promise<string[]> {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.mkdir(`${directory}/bin`);
    await Deno.mkdir(`${directory}/files`);
    for (const name of ["SHA256SUMS", "b c"]) {
      await Deno.writeTextFile(`${directory}/files/${name}`, "same\n");
    }
    const view = { absent: "exit 1", draft: "echo true", same: "echo false", other: "echo false" }[state];
    const download = `mkdir published; echo ${state} > published/SHA256SUMS`;
    await Deno.writeTextFile(
      `${directory}/bin/gh`,
      `#!/bin/sh\necho "$*" >> calls\ncase "$2" in view) ${view} ;; download) ${download} ;; esac\n`,
      { mode: 0o755 },
    );
    const script: string = jobs.github.steps.at(-1).run;
    const ended = run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script], {
      cwd: directory,
      env: { PATH: `${directory}/bin:${Deno.env.get("PATH")}`, TAG: "v1.2.3", CHANNEL: channel },
    }).then(() => "ok", (error) => /^::error::.*/m.exec(error.message)?.[0] ?? error.message);
    const end = await ended;
    return [...(await Deno.readTextFile(`${directory}/calls`)).trim().split("\n").slice(1), end];
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a release is seen when all its files are there, also after a run that failed (bash)", {
  ignore: !works,
}, async () => {
  const create = "release create v1.2.3 --draft --verify-tag --title v1.2.3 --notes-file notes.md";
  const files = "files/SHA256SUMS files/b c";
  const show = (latest: boolean) => `release edit v1.2.3 --draft=false --latest=${latest}`;
  deepStrictEqual(await publishOnGithub("absent", "latest"), [`${create} ${files}`, show(true), "ok"]);
  deepStrictEqual(await publishOnGithub("absent", "previous"), [`${create} ${files}`, show(false), "ok"]);
  deepStrictEqual(await publishOnGithub("absent", "next"), [
    `${create} --prerelease ${files}`,
    show(false),
    "ok",
  ]);
  deepStrictEqual(await publishOnGithub("draft", "latest"), [
    "release delete v1.2.3 --yes",
    `${create} ${files}`,
    show(true),
    "ok",
  ]);
  const compare = "release download v1.2.3 --pattern SHA256SUMS --dir published";
  deepStrictEqual(await publishOnGithub("same", "latest"), [compare, "ok"]);
  const [asked, end, ...more] = await publishOnGithub("other", "latest");
  deepStrictEqual([asked, more], [compare, []]);
  match(end!, /^::error::v1\.2\.3 is published, with other files than these/);
});

Deno.test("a package whose scope JSR does not take is not published there, and that is said (bash)", {
  ignore: !works,
}, async () => {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.mkdir(`${directory}/bin`);
    await Deno.writeTextFile(`${directory}/bin/deno`, `#!/bin/sh\necho "deno $*"\n`, { mode: 0o755 });
    const publish = async (name: string) => {
      await Deno.writeTextFile(`${directory}/deno.json`, JSON.stringify({ name, version: "1.2.3" }, null, 2));
      return await run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", jobs.jsr.steps.at(-1).run],
        {
          cwd: directory,
          env: { PATH: `${directory}/bin:${Deno.env.get("PATH")}` },
        },
      );
    };
    match(await publish("@x/mcp-connect"), /^::warning::@x\/mcp-connect is not published to JSR/);
    for (const name of ["@ab/mcp-connect", "@some-team/mcp-connect"]) {
      strictEqual(await publish(name), "deno publish\n");
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
