import { deepEqual, match, throws } from "node:assert/strict";
import { type CompileError, ExitCode } from "../../scripts/compile/compile_error.ts";
import { parseOptions, USAGE } from "../../scripts/compile/options.ts";
import { executableName, hostTarget, TARGETS } from "../../scripts/compile/targets.ts";

const triples = (args: readonly string[], base?: number) =>
  parseOptions(args, base === undefined ? undefined : TARGETS[base]).targets.map(({ triple }) => triple);
const ALL = TARGETS.map(({ triple }) => triple);
const LINUX = "x86_64-unknown-linux-gnu";
const WINDOWS = "aarch64-pc-windows-msvc";

Deno.test("executables are made for six targets: both processors, three systems", () => {
  deepEqual(ALL, [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
    "aarch64-pc-windows-msvc",
  ]);
  deepEqual(triples([]), ALL);
  deepEqual(triples(["--check"]), ALL);
  deepEqual(triples(["--check", "--endpoint", "https://mcp.example.com"]), ALL);
});

Deno.test("--target names the targets, once or more", () => {
  deepEqual(triples(["--target", LINUX]), [LINUX]);
  deepEqual(triples([`--target=${LINUX}`, "--target", WINDOWS, "--target", LINUX]), [LINUX, WINDOWS]);
  deepEqual(triples(["--target", `${LINUX},${WINDOWS}`]), [LINUX, WINDOWS]);
  deepEqual(triples(["--check", "--target", WINDOWS]), [WINDOWS]);
});

Deno.test("without --target a pinned executable is for this machine", () => {
  deepEqual(triples(["--endpoint", "https://mcp.example.com"]), [hostTarget()?.triple]);
});

Deno.test("without --target DENORT_BIN says what is made", () => {
  deepEqual(triples([], 5), [WINDOWS]);
  deepEqual(triples(["--endpoint", "https://mcp.example.com"], 5), [WINDOWS]);
  deepEqual(triples(["--check"], 5), ALL);
  throws(() => triples(["--target", LINUX], 5), (error: CompileError) => {
    match(error.message, /DENORT_BIN is for aarch64-pc-windows-msvc, .* x86_64-unknown-linux-gnu/);
    return error.exitCode === ExitCode.NoBase;
  });
});

Deno.test("what is not said is as the help says", () => {
  deepEqual(parseOptions([], undefined), {
    targets: TARGETS,
    out: "dist/bin",
    name: "mcp-connect",
    pin: undefined,
    check: false,
    standIns: undefined,
  });
});

Deno.test("options of pinning are read", () => {
  const endpoint = "https://mcp.example.com/mcp";
  const { name, pin, out } = parseOptions([
    ...["--out", "bin", "--endpoint", endpoint, "--allow-host", "a.example", "--allow-host=b.example:8443"],
    ...[
      "--allow-variable",
      "TOKEN",
      "--no-sign-in",
      "--store",
      "/var/lib/mcp",
      "--",
      "--transport",
      "http",
      "--name",
    ],
  ], undefined);
  deepEqual([name, out], ["mcp-connect-pinned", "bin"]);
  deepEqual(pin, {
    endpoints: [endpoint],
    allowHosts: ["a.example", "b.example:8443"],
    allowVariables: ["TOKEN"],
    signIn: false,
    store: "/var/lib/mcp",
    args: ["--transport", "http", "--name"],
  });
  deepEqual(parseOptions(["--endpoint", "a:1", "--endpoint", "b:1"], undefined).pin?.endpoints, [
    "a:1",
    "b:1",
  ]);
  deepEqual(parseOptions(["--endpoint", endpoint], undefined).pin, {
    endpoints: [endpoint],
    allowHosts: [],
    allowVariables: [],
    signIn: undefined,
    store: undefined,
    args: [],
  });
  deepEqual(parseOptions(["--endpoint", endpoint, "--sign-in", "--no-store"], undefined).pin?.signIn, true);
  deepEqual(parseOptions(["--endpoint", endpoint, "--sign-in", "--no-store"], undefined).pin?.store, false);
});

for (
  const [args, said] of [
    [["--targets"], /unknown option --targets/],
    [["x86_64"], /unknown option x86_64/],
    [["--check=yes"], /unknown option --check=yes/],
    [["--target"], /--target needs a value/],
    [["--out="], /--out needs a value/],
    [["--target", "riscv64-unknown-linux-gnu"], /there is no target riscv64-unknown-linux-gnu/],
    [["--allow-host", "a.example"], /--allow-host goes with --endpoint/],
    [["--no-store"], /--no-store goes with --endpoint/],
    [["--sign-in"], /--sign-in goes with --endpoint/],
    [["--", "--transport", "http"], /-- goes with --endpoint/],
    [["--out", "a", "--out", "b"], /--out is given twice/],
    [["--endpoint", "a:1", "--store", "/s", "--no-store"], /contradict/],
    [["--endpoint", "a:1", "--sign-in", "--no-sign-in"], /contradict/],
    [["--stand-ins", "/tmp"], /--stand-ins goes with --check/],
    [["--name", "../evil"], /--name \.\.\/evil is no file's name/],
  ] as const
) {
  Deno.test(`a wrong option is told: ${args.join(" ")}`, () => {
    throws(() => parseOptions(args, undefined), (error: CompileError) => {
      match(error.message, said);
      return error.exitCode === ExitCode.Usage;
    });
  });
}

Deno.test("the help names every option and every target", () => {
  for (const triple of ALL) match(USAGE, new RegExp(triple));
  for (
    const option
      of "target out name endpoint allow-host allow-variable sign-in no-sign-in store no-store check stand-ins"
        .split(" ")
  ) match(USAGE, new RegExp(`^  --${option} `, "m"));
});

Deno.test("the executables' names tell their targets", () => {
  deepEqual(executableName("mcp-connect", TARGETS[0]!), "mcp-connect-x86_64-unknown-linux-gnu");
  deepEqual(executableName("mcp-connect", TARGETS[5]!), "mcp-connect-aarch64-pc-windows-msvc.exe");
});
