import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { smoke } from "../../scripts/release/smoke.ts";
import { VERSION } from "../../src/version.ts";
import { FailureCode } from "../../src/link/failure.ts";
import { startProgram } from "../support/program.ts";
import { run } from "./npm_tools.ts";
import { readFile, ROOT } from "./release_files.ts";
import { fileURLToPath } from "node:url";

const windows = Deno.build.os === "windows";
const PERMISSIONS = ["net", "read", "write", "env", "run"].map((kind) => `--allow-${kind}`);

/** The README's command line for a checkout: its flags, and the file. */
const LINE = readFile("README.md").match(/^deno install -g (.*) -n mcp-connect (.* src.*)$/m)!;

/** Installs the checkout into a directory. @returns the command */
async function install(directory: string, flags: readonly string[]): Promise<string[]> {
  await Deno.mkdir(`${directory}/elsewhere`, { recursive: true });
  await run([
    Deno.execPath(),
    "install",
    "--quiet",
    "--global",
    "--force",
    "--root",
    directory,
    "--name",
    "mcp-connect",
    ...flags,
  ], { cwd: ROOT });
  return windows ? ["cmd", "/c", `${directory}/bin/mcp-connect.cmd`] : [`${directory}/bin/mcp-connect`];
}

const MAIN = fileURLToPath(new URL("src/main.ts", ROOT));

Deno.test("deno install makes a command of a checkout, and it works from any folder", async () => {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  try {
    const config = fileURLToPath(new URL("deno.json", ROOT));
    const command = await install(directory, ["--config", config, "--no-prompt", ...PERMISSIONS, MAIN]);
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

Deno.test("what the README's line installs can sign in; where its packages are missing, the client is told", async () => {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, ({ url }) => {
    if (new URL(url).pathname !== "/mcp") return new Response(null, { status: 404 });
    return new Response(null, { status: 401, headers: { "www-authenticate": "Bearer" } });
  });
  const url = `http://127.0.0.1:${server.addr.port}/mcp`;
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "x", version: "1" } };
  const told = async (entry: string[]) => {
    await using program = startProgram(["proxy", url, "--no-browser", "--no-store"], {
      entry,
      protocol: true,
    });
    return (await program.request("initialize", params)).error!;
  };
  try {
    const words = `${LINE[1]} ${LINE[2]}`.split(" ");
    match((await told(await install(directory, words))).message, /^the server wants credentials/);
    const { code, message } = await told(await install(directory, ["--no-config", "-A", MAIN]));
    strictEqual(code, FailureCode.UNAUTHORIZED);
    match(message, /code for signing in can't be loaded: Import "@panva\/oauth4webapi" not a dependency$/);
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
