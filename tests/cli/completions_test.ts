import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { bashCompletions } from "../../src/cli/completions/bash.ts";
import { type CompletionCommand, completionModel } from "../../src/cli/completions/completion_model.ts";
import { fishCompletions } from "../../src/cli/completions/fish.ts";
import { powershellCompletions } from "../../src/cli/completions/powershell.ts";
import { zshCompletions } from "../../src/cli/completions/zsh.ts";
import { COMMANDS } from "../../src/cli/arrange_arguments.ts";
import { type CommandName, optionsOf } from "../../src/config/options.ts";
import { runCli } from "./run_cli.ts";
import { canType, runs, type TypedShell, typeInto } from "./typing_shell.ts";

const MODEL = completionModel();
const SCRIPTS = {
  bash: bashCompletions(MODEL),
  zsh: zshCompletions(MODEL),
  fish: fishCompletions(MODEL),
  powershell: powershellCompletions(MODEL),
};
const hasFish = runs("fish", "--version", /fish/);

/** A directory with names that shells have to quote. */
async function withFiles(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${directory}/a dir`);
    await Deno.writeTextFile(`${directory}/it's a:ca.pem`, "");
    await Deno.writeTextFile(`${directory}/plain.pem`, "");
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("completions know every command, every option of it, and what the option takes", () => {
  deepStrictEqual(MODEL.map(({ name }) => name), [...COMMANDS]);
  for (const { name, options } of MODEL) {
    const own = name === "help" ? [] : optionsOf(name as CommandName).map((option) => `--${option.name}`);
    deepStrictEqual(options.map((option) => option.name), [...own, "--help", "--version"]);
  }
  const kinds = Object.fromEntries(MODEL[0]!.options.map(({ name, value }) => [name, value.kind]));
  const values = Object.fromEntries(MODEL[0]!.options.map(({ name, value }) => [name, value]));
  for (
    const name of [
      "--ca-cert",
      "--client-cert",
      "--client-key",
      "--auth-token-file",
      "--header-file",
      "--log-file",
      "--endpoints-file",
      "--drain-file",
    ]
  ) {
    strictEqual(kinds[name], "file", name);
  }
  strictEqual(kinds["--cwd"], "directory");
  strictEqual(kinds["--debug"], "none");
  strictEqual(kinds["--timeout"], "text");
  deepStrictEqual(values["--transport"], { kind: "words", words: ["auto", "http", "sse", "stdio", "tcp"] });
  const policies = ["round-robin", "least-pending", "p2c", "random", "weighted", "sticky", "hash"];
  deepStrictEqual(values["--policy"], { kind: "words", words: policies });
  deepStrictEqual(values["--affinity"], { kind: "words", words: ["none", "session", "resource"] });
  const repeatable = (command: string) =>
    MODEL.find(({ name }) => name === command)!.options.find(({ name }) => name === "--endpoint")?.repeatable;
  deepStrictEqual(["proxy", "load-balance", "auth-proxy", "test"].map(repeatable), [true, true, true, false]);
  deepStrictEqual(values["--log-format"], { kind: "words", words: ["text", "json"] });
});

Deno.test("completions SHELL prints the shell's script, without any permission", async () => {
  await Promise.all(
    Object.entries(SCRIPTS).map(async ([shell, script]) => {
      deepStrictEqual(await runCli(["completions", shell], { permissions: [] }), {
        code: 0,
        stdout: script,
        stderr: "",
      });
    }),
  );
});

Deno.test("the scripts name every command and every option", () => {
  for (const [shell, script] of Object.entries(SCRIPTS)) {
    for (const { name, options } of MODEL) {
      ok(script.includes(name), `${shell}: ${name}`);
      for (const option of options) {
        const text = shell === "fish" ? `-l ${option.name.slice(2)} ` : option.name;
        ok(script.includes(text), `${shell}: ${option.name}`);
      }
    }
  }
});

/** What is typed, a tab where the key is pressed, and the arguments that it becomes. */
type Typed = readonly [typed: string, args: readonly string[]];

/** `joined`: whether the shell puts an equals sign behind an option that takes a value. */
function typedLines(joined: boolean): Typed[] {
  const valued = (name: string, value: string) => joined ? [`${name}=${value}`] : [name, value];
  return [
    ["mcp-connect pro\t", ["proxy"]],
    ["mcp-connect not\t--cou\t2", ["notification-demo", ...valued("--count", "2")]],
    ["mcp-connect proxy --transport ht\t", ["proxy", "--transport", "http"]],
    ["mcp-connect proxy --transport=ht\t", ["proxy", "--transport=http"]],
    ["mcp-connect --log-l\tdeb\tte\t--js\t", [...valued("--log-level", "debug"), "test", "--json"]],
    ["mcp-connect --debug te\t", ["--debug", "test"]],
    ["mcp-connect https://x/ --retry-at\t3", ["https://x/", ...valued("--retry-attempts", "3")]],
    ["mcp-connect --retry-at\t3", valued("--retry-attempts", "3")],
    ["mcp-connect completions fi\t", ["completions", "fish"]],
    ["mcp-connect help te\t", ["help", "test"]],
    ["mcp-connect test --retry-at\t", ["test", "--retry-at"]],
    ["mcp-connect proxy --header 'X-A: \"b\"' --drain-t\t1", [
      "proxy",
      "--header",
      'X-A: "b"',
      ...valued("--drain-timeout", "1"),
    ]],
    ["mcp-connect proxy --header=X:1 --drain-t\t1", [
      "proxy",
      "--header=X:1",
      ...valued("--drain-timeout", "1"),
    ]],
    ["mcp-connect proxy --ca-cert it\t", ["proxy", "--ca-cert", "it's a:ca.pem"]],
    ["mcp-connect proxy --ca-cert=pl\t", ["proxy", "--ca-cert=plain.pem"]],
    ["mcp-connect proxy --cwd pl\t", ["proxy", "--cwd", "pl"]],
    ["mcp-connect proxy --auth-token pl\t", ["proxy", "--auth-token", "pl"]],
    ["mcp-connect proxy -- basenc\tpl\t", ["proxy", "--", "basenc", "plain.pem"]],
    ["mcp-connect proxy -- pl --deb\t", ["proxy", "--", "pl", "--deb"]],
  ];
}

for (const shell of ["bash", "zsh"] satisfies TypedShell[]) {
  Deno.test(`${shell} completes what is typed (${shell} and script of util-linux)`, {
    ignore: !canType(shell),
  }, () =>
    withFiles(async (directory) => {
      const lines = typedLines(shell === "zsh");
      const done = await typeInto(shell, SCRIPTS[shell], lines.map(([typed]) => typed), directory);
      deepStrictEqual(done, lines.map(([typed, args]) => ({ typed, args })));
      const [{ args = [] } = {}] = await typeInto(
        shell,
        SCRIPTS[shell],
        ["mcp-connect proxy --cwd a\t"],
        directory,
      );
      deepStrictEqual([args[0], args[1], args[2]?.replace(/\/$/, "")], ["proxy", "--cwd", "a dir"]);
    }));
}

Deno.test(
  "bash completes a value behind = though that breaks no words there (bash and script of util-linux)",
  {
    ignore: !canType("bash"),
  },
  () =>
    withFiles(async (directory) => {
      const lines = [
        "COMP_WORDBREAKS=${COMP_WORDBREAKS//=}; mcp-connect",
        "mcp-connect --log-level=deb\tproxy --transport=ht\t",
        "mcp-connect --log-level=debug te\t",
      ];
      const done = await typeInto("bash", SCRIPTS.bash, lines, directory);
      deepStrictEqual(done.map(({ args }) => args), [
        [],
        ["--log-level=debug", "proxy", "--transport=http"],
        ["--log-level=debug", "test"],
      ]);
    }),
);

/** The completions that fish has for a line. */
async function fishCandidates(line: string, script: string, directory: string): Promise<string[]> {
  const command = `source $argv[1]; complete -C $argv[2]`;
  const file = await Deno.makeTempFile({ suffix: ".fish" });
  try {
    await Deno.writeTextFile(file, script);
    const { code, stdout, stderr } = await new Deno.Command("fish", {
      args: ["--no-config", "-c", command, file, line],
      cwd: directory,
      env: { HOME: directory, LC_ALL: "C.UTF-8" },
      stdin: "null",
    }).output();
    strictEqual(new TextDecoder().decode(stderr), "", line);
    strictEqual(code, 0);
    return new TextDecoder().decode(stdout).split("\n").filter((it) => it !== "").map((it) =>
      it.split("\t")[0]!
    );
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("fish completes a line (fish)", { ignore: !hasFish }, () =>
  withFiles(async (directory) => {
    const table: [line: string, candidates: string[]][] = [
      [
        "mcp-connect ",
        [
          "auth-proxy",
          "completions",
          "help",
          "load-balance",
          "login",
          "logout",
          "notification-demo",
          "permissions",
          "proxy",
          "status",
          "test",
          "version",
        ],
      ],
      ["mcp-connect proxy --transp", ["--transport"]],
      ["mcp-connect proxy --transport ", ["auto", "http", "sse", "stdio", "tcp"]],
      ["mcp-connect proxy --transport=h", ["--transport=http"]],
      ["mcp-connect --debug te", ["test"]],
      ["mcp-connect --log-level info te", ["test"]],
      ["mcp-connect --log-level=info te", ["test"]],
      ["mcp-connect https://x/ --retry-a", ["--retry-attempts"]],
      ["mcp-connect --retry-a", ["--retry-attempts"]],
      ["mcp-connect status --retry-a", []],
      ["mcp-connect completions ", ["bash", "fish", "powershell", "zsh"]],
      ["mcp-connect help te", ["test"]],
      ["mcp-connect permissions load", ["load-balance"]],
      ["mcp-connect proxy --ca-cert it", ["it's a:ca.pem"]],
      ["mcp-connect proxy --ca-cert=pl", ["--ca-cert=plain.pem"]],
      ["mcp-connect proxy --cwd ", ["a dir/"]],
      ["mcp-connect proxy --auth-token ", []],
      ["mcp-connect proxy --header 'X: \"1\"' --drain-t", ["--drain-timeout"]],
      ["mcp-connect proxy -- basenc", ["basenc"]],
      ["mcp-connect proxy -- cat pl", ["plain.pem"]],
      ["mcp-connect proxy -- 'it is' pl", ["plain.pem"]],
    ];
    for (const [line, candidates] of table) {
      deepStrictEqual((await fishCandidates(line, SCRIPTS.fish, directory)).sort(), candidates, line);
    }
  }));

/** A model whose every text is an attack on a shell's quoting. */
const HOSTILE = `it's "a": [b] (c) {d} $(touch pwned) \`touch pwned\` \\ ; touch pwned % #`;
const HOSTILE_MODEL: readonly CompletionCommand[] = MODEL.map((command) => ({
  ...command,
  brief: HOSTILE,
  options: command.options.map((option) => ({
    ...option,
    brief: HOSTILE,
    value: option.value.kind === "text" ? { kind: "text", label: HOSTILE } : option.value,
  })),
}));

Deno.test(
  "texts with quotes, colons, brackets and commands are only texts in zsh (zsh and script of util-linux)",
  {
    ignore: !canType("zsh"),
  },
  () =>
    withFiles(async (directory) => {
      const lines = ["mcp-connect \t\x15mcp-connect pro\t--retry-at\t3", "mcp-connect proxy --timeout \t5"];
      const done = await typeInto("zsh", zshCompletions(HOSTILE_MODEL), lines, directory);
      deepStrictEqual(done.map(({ args }) => args), [["proxy", "--retry-attempts=3"], [
        "proxy",
        "--timeout",
        "5",
      ]]);
      for await (const { name } of Deno.readDir(directory)) ok(name !== "pwned");
    }),
);

Deno.test("texts with quotes, colons, brackets and commands are only texts in fish (fish)", {
  ignore: !hasFish,
}, () =>
  withFiles(async (directory) => {
    const script = fishCompletions(HOSTILE_MODEL);
    deepStrictEqual(await fishCandidates("mcp-connect pro", script, directory), ["proxy"]);
    deepStrictEqual(await fishCandidates("mcp-connect proxy --retry-a", script, directory), [
      "--retry-attempts",
    ]);
    for await (const { name } of Deno.readDir(directory)) ok(name !== "pwned");
  }));

/** What stands outside of strings and comments in a script whose strings are all in single quotes. */
function powershellCode(script: string): string {
  return script.replace(/'(?:[^']|'')*'|#[^\n]*/g, (it) => it.startsWith("#") ? "" : "S");
}

// There is no PowerShell to be had where this is tested, so the text has to be looked at.
Deno.test("the script for PowerShell is well formed: strings, brackets, ASCII, a row for each option", () => {
  for (const model of [MODEL, HOSTILE_MODEL]) {
    const script = powershellCompletions(model);
    // deno-lint-ignore no-control-regex
    ok(/^[\x0a\x20-\x7e]*$/.test(script));
    const code = powershellCode(script);
    // No string in which something is expanded, none that is left open, no escape, nothing that runs.
    ok(!/["`]|\$\(|touch/.test(code), code);
    const open: string[] = [];
    for (const char of code.match(/[()[\]{}]/g) ?? []) {
      if ("([{".includes(char)) open.push(char);
      else strictEqual("([{".indexOf(open.pop() ?? "?"), ")]}".indexOf(char));
    }
    deepStrictEqual(open, []);
    const tables = script.slice(script.indexOf("$options = @{"), script.indexOf("$valued ="));
    for (const { name, options } of model) {
      const table = new RegExp(`^        '${name}' = @\\(\\n([^]*?)\\n        \\)$`, "m").exec(tables)![1]!;
      const rows = table.split("\n").map((row) =>
        /^ {12}, @\('(--[a-z-]+)', '([^']*)', '(?:[^']|'')*'\)$/.exec(row)
      );
      deepStrictEqual(
        rows.map((row) => [row?.[1], row?.[2]]),
        options.map(({ name, value }) => [
          name,
          value.kind === "none" ? "-" : value.kind === "words" ? value.words.join(" ") : "?",
        ]),
      );
    }
  }
});
