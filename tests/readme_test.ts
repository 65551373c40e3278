/** The README's command lines and settings, tried as far as they can be here. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { COMMANDS } from "../src/cli/arrange_arguments.ts";
import { EXIT_CODE_MEANINGS } from "../src/cli/exit_codes.ts";
import { type CommandName, optionsOf } from "../src/config/options.ts";
import { PACKAGE, VERSION } from "../src/version.ts";
import { MEASURES } from "./bench/measures.ts";
import { blocksOf, type Call, linesOf, readLine, readWords, serversIn } from "./readme/readme_blocks.ts";
import { type Stage, startStage } from "./readme/stage.ts";
import { programEnvironment, REPOSITORY, startProgram } from "./support/program.ts";

const README = await Deno.readTextFile(new URL("../README.md", import.meta.url));
const BLOCKS = blocksOf(README);
const LINES = BLOCKS.filter(({ language }) => language === "sh").flatMap(linesOf);
const TASKS: Record<string, string> =
  JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url))).tasks;

Deno.test("the README and the other pages name the package as it is published", async () => {
  const pages = [...Deno.readDirSync(new URL("../docs", import.meta.url))].map(({ name }) => `docs/${name}`);
  for (const page of ["README.md", ...pages.filter((name) => name.endsWith(".md"))]) {
    const text = await Deno.readTextFile(new URL(`../${page}`, import.meta.url));
    for (const [, name] of text.matchAll(/(?:jsr:|from ")(@[a-z0-9-]+\/[a-z0-9-]+)/g)) {
      strictEqual(name, PACKAGE, page);
    }
  }
});

/** Commands that end by themselves; all others are bridges. */
const ENDING =
  /^(?:test|login|logout|status|permissions|version|notification-demo|completions|help|--version)$/;

/** Variables that the examples take for granted. */
const ENVIRONMENT = { TOKEN: "token-of-the-shell", EXAMPLE_TOKEN: "token-of-the-shell" };

/** Runs a call: a bridge carries a session, any other command ends well. */
async function tryCall(stage: Stage, call: Call, env: Readonly<Record<string, string>> = {}): Promise<void> {
  const args = stage.staged(call.args);
  const entry = new URL(`../${call.entry}`, import.meta.url).href;
  const permissions = call.flags === undefined ? ["-A"] : stage.staged(call.flags);
  const ending = ENDING.test(args[0] ?? "");
  await using program = startProgram(args, {
    entry,
    permissions,
    protocol: !ending,
    env: { ...ENVIRONMENT, MCP_CONNECT_RELEASES: stage.releases, ...env },
  });
  if (!ending) {
    await program.initialize();
    const { result } = await program.request("tools/list");
    ok(result.tools.length > 0, "no tools");
  }
  await program.closeStdin();
  const { code } = await program.status;
  strictEqual(code, 0, `${args.join(" ")}\n${program.stdout()}\n${program.stderr()}`);
  if (ending) ok(program.stdout() !== "", "nothing was printed");
}

async function deno(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: REPOSITORY,
    clearEnv: true,
    env: { ...programEnvironment(), ...env },
    stdin: "null",
  }).output();
  strictEqual(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("README: every block is of a kind that is looked at, and every command line is understood", () => {
  deepStrictEqual([...new Set(BLOCKS.map(({ language }) => language))].sort(), ["json", "sh", "text"]);
  // A pipe leads to programs that are not ours.
  const unknown = LINES.filter((line) => readLine(line.split(" | ")[0]!).kind === "unknown");
  deepStrictEqual(unknown, []);
  ok(LINES.length > 30, `only ${LINES.length} command lines were found`);
});

for (const text of new Set(LINES)) {
  const line = readLine(text.split(" | ")[0]!);
  switch (line.kind) {
    case "call": {
      const ignore = text.includes("unix:") && Deno.build.os === "windows";
      Deno.test(`README: ${text}`, { ignore }, async () => {
        await using stage = await startStage();
        await tryCall(stage, line.call);
        if (text.includes("${TOKEN}")) {
          const { headers } = stage.example.calls("initialize")[0]!;
          strictEqual(headers.get("authorization"), `Bearer ${ENVIRONMENT.TOKEN}`);
        }
      });
      break;
    }
    case "install":
      Deno.test(`README: ${text}`, () =>
        inDirectory(async (root) => {
          const module = line.module.replace(`jsr:${PACKAGE}`, "src/mod.ts");
          await deno(["install", "--quiet", ...line.flags, "--root", root, module]);
          const name = Deno.build.os === "windows" ? "mcp-connect.cmd" : "mcp-connect";
          const { stdout } = await new Deno.Command(`${root}/bin/${name}`, { args: ["--version"] }).output();
          strictEqual(new TextDecoder().decode(stdout), `mcp-connect ${VERSION}\n`);
        }));
      break;
    case "task":
      Deno.test(`README: ${text}`, async () => {
        ok(line.name in TASKS, `deno.json has no task ${line.name}`);
        if (line.name === "start") {
          strictEqual(await deno(["task", "--quiet", "start", ...line.args]), `mcp-connect ${VERSION}\n`);
        }
        if (line.name === "bundle") {
          await inDirectory(async (directory) => {
            await deno(["task", "--quiet", "bundle", directory]);
            const bundle = `${directory}/mcp-connect.js`;
            const flags = ["run", "--no-config", "--no-lock", "--allow-env"];
            strictEqual(await deno([...flags, bundle, "--version"]), `mcp-connect ${VERSION}\n`);
          });
        }
        const measures = line.args[line.args.indexOf("--measure") + 1]?.split(",") ?? [];
        if (line.args.includes("--measure")) {
          deepStrictEqual(measures.filter((name) => !MEASURES.some((it) => it.name === name)), []);
        }
      });
  }
}

for (const { section, text } of BLOCKS.filter(({ language }) => language === "json")) {
  const entries = serversIn(JSON.parse(text));
  for (const { command, args, env = {} } of entries) {
    Deno.test(`README: the settings for ${section} with ${command} make a bridge that works`, async () => {
      const line = readWords([command, ...args]);
      ok(line.kind === "call", `${command} ${args.join(" ")} does not start the program`);
      await using stage = await startStage();
      // What the client fills in.
      const filled = Object.fromEntries(
        Object.entries(env).map(([name, value]) => [name, value.replace(/\$\{[^}]+\}/, "filled-in-token")]),
      );
      await tryCall(stage, line.call, filled);
      const token = filled["MCP_CONNECT_AUTH_TOKEN"];
      const { headers } = stage.example.calls("initialize")[0]!;
      strictEqual(headers.get("authorization"), token === undefined ? null : `Bearer ${token}`);
    });
  }
  Deno.test(`README: the settings for ${section} name one server (${text.length} characters)`, () => {
    strictEqual(entries.length, 1);
  });
}

Deno.test("README: every option of every command is named at that command", () => {
  const parts = README.split("<summary><code>mcp-connect ").slice(1);
  deepStrictEqual(
    parts.map((part) => part.slice(0, part.indexOf("</code>"))),
    COMMANDS.filter((name) => name !== "help"),
  );
  for (const part of parts) {
    const command = part.slice(0, part.indexOf("</code>")) as CommandName;
    const section = part.slice(0, part.indexOf("</details>"));
    for (const { name } of optionsOf(command)) {
      ok(new RegExp(`(?:^|\\s)--${name}(?:\\s|$)`).test(section), `${command} --${name}`);
    }
  }
});

Deno.test("README: every exit code has its meaning", () => {
  for (const [code, meaning] of EXIT_CODE_MEANINGS) {
    const row = new RegExp(`^\\| ${code} +\\| ([^|]*)`, "m").exec(README)?.[1];
    strictEqual(row?.trim(), meaning, `exit code ${code}`);
  }
});

Deno.test("README: every task that is named is one of deno.json", () => {
  const named = new Set([...README.matchAll(/deno task ([a-z][a-z:-]*)/g)].map(([, name]) => name!));
  deepStrictEqual([...named].filter((name) => !(name in TASKS)), []);
});

Deno.test("README: the two commands use the very Deno that CI uses, and CI runs the second", async () => {
  const ci = await Deno.readTextFile(new URL("../.ci/run", import.meta.url));
  const version = /^version=(\S+)$/m.exec(ci)?.[1];
  const [demo, test] = LINES;
  strictEqual(demo, `npx -y deno@${version} task demo`);
  strictEqual(test, `npx -y deno@${version} task test`);
  match(ci, /npx -y "deno@\$version" task test/);
});

Deno.test("README: what it links to is there, headings too", async () => {
  for (const [, target = ""] of README.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^https?:/.test(target)) continue;
    const [file = "", anchor] = target.split("#");
    const page = file === "" ? README : await Deno.readTextFile(new URL(`../${file}`, import.meta.url))
      .catch(() => undefined);
    ok(page !== undefined, `no ${file}`);
    const anchors = [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading!.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
    );
    if (anchor !== undefined) ok(anchors.includes(anchor), `${target} leads to no heading`);
  }
});
