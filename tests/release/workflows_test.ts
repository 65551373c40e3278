import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { parse } from "yaml";
import { RELEASE_TARGETS } from "../../scripts/release/targets.ts";
import { readFile, ROOT } from "./release_files.ts";

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
}

interface Job {
  readonly needs?: string | readonly string[];
  readonly if?: string;
  readonly uses?: string;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly strategy?: { readonly matrix: { readonly include?: readonly Record<string, string>[] } };
  readonly steps?: readonly Step[];
}

interface Workflow {
  readonly on: Readonly<Record<string, { readonly tags?: readonly string[] } | null>>;
  readonly permissions?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, Job>>;
}

const read = (path: string): Workflow => parse(readFile(path));
const RELEASE = read(".github/workflows/release.yml");
const CI = read(".github/workflows/ci.yml");
const JOBS = Object.entries(RELEASE.jobs);

/** The jobs that a job waits for, and those that these wait for. */
function before(name: string): Set<string> {
  const { needs = [] } = RELEASE.jobs[name]!;
  const direct = typeof needs === "string" ? [needs] : needs;
  return new Set(direct.flatMap((it) => [it, ...before(it)]));
}

/** The jobs that make something public. */
const PUBLISHING = ["attest", "github", "jsr", "npm", "image", "homebrew", "scoop"];

Deno.test("a tag with a version starts a release, and nothing else does but a person, who then publishes nothing", () => {
  deepStrictEqual(Object.keys(RELEASE.on).sort(), ["push", "workflow_dispatch"]);
  const patterns = RELEASE.on.push!.tags!.map((glob) =>
    new RegExp(`^${glob.replaceAll(".", "\\.").replaceAll("*", "[^/]*")}$`)
  );
  const starts = (tag: string) => patterns.some((pattern) => pattern.test(tag));
  for (const tag of ["v1.2.3", "v0.10.0", "v1.2.3-rc.1"]) ok(starts(tag), tag);
  for (const tag of ["v1", "v1.2", "1.2.3", "v1.2.3.4", "vx", "v1.2.3rc1"]) ok(!starts(tag), tag);
  strictEqual(RELEASE.jobs.attest!.if, "github.event_name == 'push'");
  for (const name of PUBLISHING.slice(1)) {
    ok(before(name).has("attest"), name);
    // A condition of its own that ignores what was skipped before would publish all the same.
    ok(!/always\(\)|failure\(\)|cancelled\(\)/.test(RELEASE.jobs[name]!.if ?? ""), name);
  }
});

Deno.test("nothing is published before the tests, and before each executable and package was tried", () => {
  for (const name of PUBLISHING) {
    const all = before(name);
    for (
      const it of [
        "version",
        "test",
        "compile",
        "sign-macos",
        "sign-windows",
        "smoke",
        "npm-try",
        "image-try",
      ]
    ) {
      ok(all.has(it), `${name} does not wait for ${it}`);
    }
  }
  deepStrictEqual(
    JOBS.map(([name]) => name).filter((name) => before(name).has("attest")).sort(),
    [
      ...PUBLISHING.slice(1),
    ].sort(),
  );
  strictEqual(RELEASE.jobs.test!.uses, "./.github/workflows/ci.yml");
  ok("workflow_call" in CI.on);
});

Deno.test("each executable is tried on a system of its own", () => {
  const tried = RELEASE.jobs.smoke!.strategy!.matrix.include!;
  deepStrictEqual(
    tried.map(({ target }) => target).sort(),
    RELEASE_TARGETS.map(({ target }) => target).sort(),
  );
  strictEqual(new Set(tried.map(({ runner }) => runner)).size, tried.length);
  for (const { target, system, runner, suffix } of tried) {
    const arm = target!.startsWith("aarch64");
    const runners = {
      linux: arm ? /^ubuntu-.*-arm$/ : /^ubuntu-[\d.]+$/,
      macos: arm ? /^macos-\d+$/ : /^macos-\d+-intel$/,
      windows: arm ? /^windows-.*-arm$/ : /^windows-\d+$/,
    };
    match(runner!, runners[system as keyof typeof runners]);
    strictEqual(suffix, system === "windows" ? ".exe" : "");
  }
});

Deno.test("no job has a right that it does not need", () => {
  deepStrictEqual(RELEASE.permissions, {});
  deepStrictEqual(CI.permissions, { contents: "read" });
  const rights = Object.fromEntries(
    JOBS.map(([name, { permissions }]) => {
      ok(permissions !== undefined, `${name} says nothing of its rights`);
      const { contents, ...rest } = permissions;
      return [name, { ...rest, ...(contents === "read" || contents === undefined ? {} : { contents }) }];
    }).filter(([, rest]) => Object.keys(rest as object).length > 0),
  );
  deepStrictEqual(rights, {
    attest: { "id-token": "write", attestations: "write" },
    github: { contents: "write" },
    jsr: { "id-token": "write" },
    npm: { "id-token": "write" },
    image: { packages: "write", "id-token": "write", attestations: "write" },
  });
  for (const workflow of [RELEASE, CI]) {
    for (const { steps = [] } of Object.values(workflow.jobs)) {
      for (const { uses, with: inputs } of steps) {
        if (!uses?.startsWith("actions/checkout@")) continue;
        // The token stays in a checkout only where something is pushed from it, which is another repository's then.
        ok(inputs?.["persist-credentials"] === false || inputs?.token !== undefined, uses);
      }
    }
  }
});

Deno.test("nothing that others may write becomes part of a shell's script", () => {
  for (const workflow of [RELEASE, CI]) {
    for (const [name, { steps = [] }] of Object.entries(workflow.jobs)) {
      for (const { run = "" } of steps) ok(!run.includes("${{"), `${name}: ${run}`);
    }
  }
});

Deno.test("the scripts that the workflows start exist", () => {
  for (const file of ["release", "ci"]) {
    const text = readFile(`.github/workflows/${file}.yml`);
    for (const [path] of text.matchAll(/scripts\/[\w./-]*\.\w+|deploy\/Dockerfile/g)) {
      ok(Deno.statSync(new URL(path, ROOT)).isFile, path);
    }
  }
});

Deno.test("all that is made is made with one version of Deno", () => {
  const version = readFile(".ci/run").match(/^version=(\S+)$/m)?.[1];
  strictEqual(RELEASE.env?.DENO_VERSION, version);
  strictEqual(readFile("deploy/Dockerfile").match(/^ARG DENO=denoland\/deno:(\S+)$/m)?.[1], version);
  for (const path of [".github/workflows/ci.yml", ".github/workflows/release.yml", "README.md"]) {
    for (const [, named] of readFile(path).matchAll(/deno@(\d[\w.-]*)/g)) strictEqual(named, version, path);
  }
});

Deno.test("the image runs as a user without rights, and has nothing but the program", () => {
  const stages = readFile("deploy/Dockerfile").replace(/^#.*\n/gm, "").replaceAll("\\\n", "").split(
    /^FROM /m,
  );
  const [last, final] = [stages.at(-1)!, stages.filter((stage) => /^(?:\$\{BASE\}|image-)/.test(stage))];
  match(last, /^USER 65532:65532$/m);
  match(last, /^ENTRYPOINT \["\/usr\/local\/bin\/mcp-connect"\]$/m);
  strictEqual(final.length, 3);
  // Nothing is run in it, so that it is the same for each processor, and nothing comes from the checkout itself.
  for (const stage of final) {
    ok(!/^RUN /m.test(stage));
    for (const [line] of stage.matchAll(/^COPY .*$/gm)) match(line, / --from=(?:executables|store) /);
  }
  match(readFile("deploy/Dockerfile.dockerignore"), /^\*$/m);
});
