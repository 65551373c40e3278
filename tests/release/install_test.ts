import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { smoke } from "../../scripts/release/smoke.ts";
import { VERSION } from "../../src/version.ts";
import { run } from "./npm_tools.ts";
import { ROOT } from "./release_files.ts";
import { fileURLToPath } from "node:url";

const windows = Deno.build.os === "windows";
const PERMISSIONS = ["net", "read", "write", "env", "run"].map((kind) => `--allow-${kind}`);

Deno.test("deno install makes a command of a checkout, and it works from any folder", async () => {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.mkdir(`${directory}/elsewhere`);
    await run([
      Deno.execPath(),
      "install",
      "--quiet",
      "--global",
      "--root",
      directory,
      "--name",
      "mcp-connect",
      "--config",
      fileURLToPath(new URL("deno.json", ROOT)),
      "--no-prompt",
      ...PERMISSIONS,
      fileURLToPath(new URL("src/main.ts", ROOT)),
    ]);
    const command = windows
      ? ["cmd", "/c", `${directory}/bin/mcp-connect.cmd`]
      : [`${directory}/bin/mcp-connect`];
    const env = { PATH: Deno.env.get("PATH") ?? "" };
    const told = await run([...command, "--version"], { cwd: `${directory}/elsewhere`, env });
    strictEqual(told.trim(), `mcp-connect ${VERSION}`);
    await smoke(command, VERSION);
    const left = [...Deno.readDirSync(`${directory}/elsewhere`)];
    deepStrictEqual(left, []);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

const FAKES: readonly (readonly [what: string, program: string])[] = [
  ["has another version", `console.log("mcp-connect 0.0.0")`],
  ["prints its version and fails", `console.log("mcp-connect ${VERSION}"); Deno.exit(1)`],
  [
    "has no help",
    `if (Deno.args[0] === "--version") console.log("mcp-connect ${VERSION}"); else Deno.exit(0)`,
  ],
  [
    "answers nothing",
    `console.log(Deno.args[0] === "--version" ? "mcp-connect ${VERSION}" : Deno.args[0] === "help" ? "--auth-token" : "")`,
  ],
  [
    "answers twice",
    `const answer = '{"id":"two","result":{"tools":[{"name":"smoke"}]}}\\n';
    console.log(
      { "--version": "mcp-connect ${VERSION}", help: "--auth-token" }[Deno.args[0]!] ?? answer.repeat(3).trim(),
    )`,
  ],
];

for (const [what, program] of FAKES) {
  Deno.test(`a build that ${what} is not released`, async () => {
    const file = await Deno.makeTempFile({ suffix: ".ts" });
    try {
      await Deno.writeTextFile(file, program);
      const command = [Deno.execPath(), "run", "--quiet", "--no-prompt", "--no-config", file];
      await rejects(smoke(command, VERSION), Error);
    } finally {
      await Deno.remove(file);
    }
  });
}

Deno.test("a build that can't be started is not released", async () => {
  await rejects(smoke([`${Deno.cwd()}/no-such-program`], VERSION), (error) => {
    ok(error instanceof Deno.errors.NotFound);
    return true;
  });
});
