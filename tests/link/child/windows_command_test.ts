import assert from "node:assert/strict";
import {
  argumentUnfitForBatch,
  isBatchFile,
  resolveWindowsCommand,
} from "../../../src/link/child/windows_command.ts";
import { LinkError } from "../../../src/link/link_error.ts";
import { open, readUntil } from "./processes.ts";

const FILES = [
  "C:\\work\\bin\\server",
  "C:\\work\\bin\\server.cmd",
  "C:\\work\\bin\\tool.exe",
  "C:\\work\\bin\\tool.bat",
  "C:\\work\\bin\\app.v2.cmd",
  "C:\\work\\bin\\script.js",
  "\\\\host\\share\\run.BAT",
  "sub\\dir\\server.cmd",
].map((path) => path.toLowerCase());

const TABLE: readonly [
  name: string,
  command: string,
  pathext: string | undefined,
  expected: string,
  cwd?: string,
][] = [
  ["a bare name is Deno's to look up", "npx", undefined, "npx"],
  ["a path with its extension stays", "C:\\work\\bin\\server.cmd", undefined, "C:\\work\\bin\\server.cmd"],
  ["an extension in capitals is one", "bin\\SERVER.CMD", undefined, "bin\\SERVER.CMD"],
  ["a path gets its extension", "C:\\work\\bin\\server", undefined, "C:\\work\\bin\\server.cmd"],
  [
    "a relative path starts from the directory, and stays relative",
    "bin\\server",
    undefined,
    "bin\\server.cmd",
  ],
  ["a relative directory is not applied to the path", ".\\server", undefined, ".\\server.cmd", "sub\\dir"],
  ["a directory may end in a separator", ".\\server", undefined, ".\\server.cmd", "sub/dir/"],
  ["slashes are separators too", "bin/server", undefined, "bin/server.cmd"],
  ["the order of PATHEXT decides", "bin\\tool", ".BAT;.EXE", "bin\\tool.bat"],
  ["without PATHEXT a program comes first", "bin\\tool", undefined, "bin\\tool.exe"],
  ["what can't be started is skipped", "bin\\script", ".JS;.VBS;.EXE", "bin\\script"],
  ["a dot in the name is no extension", "bin\\app.v2", undefined, "bin\\app.v2.cmd"],
  ["a share is an absolute path", "\\\\host\\share\\run", ".COM; .BAT ", "\\\\host\\share\\run.bat"],
  ["what is not there stays, for the error", "bin\\none", undefined, "bin\\none"],
];

for (const [name, command, pathext, expected, cwd = "C:\\work"] of TABLE) {
  Deno.test(`resolveWindowsCommand: ${name}`, () => {
    const exists = (path: string) =>
      FILES.includes(path.replaceAll("/", "\\").replaceAll("\\.\\", "\\").toLowerCase());
    assert.equal(resolveWindowsCommand({ command, cwd, pathext, exists }), expected);
  });
}

Deno.test("batch files are told by their extension", () => {
  for (const path of ["x.bat", "C:\\a b\\X.CMD", "dir.exe/x.cmd"]) assert.ok(isBatchFile(path), path);
  for (const path of ["x.exe", "x.cmd\\y", "cmd", "x.cmdx", ".cmd\\x"]) assert.ok(!isBatchFile(path), path);
});

Deno.test("a line break is unfit for a batch file, and nothing else that a text can hold but NUL", () => {
  assert.equal(argumentUnfitForBatch(['"', "%PATH%", "^&|<>()!", "a b\\", ""]), undefined);
  for (const arg of ["a\nb", "a\rb", "a\0b"]) assert.equal(argumentUnfitForBatch(["x", arg]), arg);
});

// What follows needs Windows itself; the Windows workflow runs it.
function testOnWindows(name: string, task: () => Promise<void>): void {
  if (Deno.build.os === "windows") Deno.test(name, task);
}

async function withShim(task: (directory: string) => Promise<void>, parent?: string): Promise<void> {
  const directory = await Deno.makeTempDir({
    prefix: "a b ",
    ...(parent === undefined ? {} : { dir: parent }),
  });
  const script = `${directory}\\args.js`;
  await Deno.writeTextFile(
    script,
    "Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(Deno.args)))",
  );
  // As npm writes them.
  await Deno.writeTextFile(
    `${directory}\\args.cmd`,
    `@ECHO off\r\n"${Deno.execPath()}" run "%~dp0args.js" %*\r\n`,
  );
  try {
    await task(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const NASTY = [
  "plain",
  "two words",
  "",
  "a&calc",
  "a|b<c>d",
  "^caret^",
  "%PATH%",
  "%CD%",
  "100%",
  "!PATH!",
  'say "hi"',
  '"&calc',
  'a" & calc & "b',
  "back\\slash",
  "ends in a backslash\\",
  "ends in two\\\\",
  'quote after backslash\\"',
  "(parens)",
  "semi;colon,comma=equals",
  "üñí",
  "-n",
];

testOnWindows("arguments reach the program behind a .cmd as they are", async () => {
  await withShim(async (directory) => {
    for (const command of [`${directory}\\args.cmd`, `${directory}\\args`]) {
      const link = await open({ command, args: NASTY });
      assert.deepEqual(JSON.parse(await readUntil(link, "]")), NASTY);
      await link.close();
    }
  });
});

testOnWindows("a relative command is found from a relative directory", async () => {
  await withShim(async (directory) => {
    const cwd = directory.split("\\").at(-1)!;
    const link = await open({ command: ".\\args", args: ["found"], cwd });
    assert.equal(await readUntil(link, "]"), '["found"]');
    await link.close();
  }, Deno.cwd());
});

testOnWindows("a bare name finds its .cmd in PATH by PATHEXT", async () => {
  await withShim(async (directory) => {
    const path = `${directory};${Deno.env.get("PATH")}`;
    const link = await open({ command: "args", args: ["found"], env: { PATH: path } });
    assert.equal(await readUntil(link, "]"), '["found"]');
    await link.close();
  });
});

testOnWindows("a line break for a .cmd is refused", async () => {
  await withShim(async (directory) => {
    await assert.rejects(open({ command: `${directory}\\args`, args: ["a\nb"] }), (error) => {
      assert.ok(error instanceof LinkError);
      assert.equal(error.code, "INVALID");
      return true;
    });
  });
});

testOnWindows("close ends a .cmd and the program behind it", async () => {
  const directory = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${directory}\\stay.js`,
    "console.log('pid', Deno.pid); setInterval(() => {}, 1000);",
  );
  await Deno.writeTextFile(`${directory}\\stay.cmd`, `@"${Deno.execPath()}" run "%~dp0stay.js"\r\n`);
  const link = await open({ command: `${directory}\\stay.cmd` });
  const pid = Number(/pid (\d+)/.exec(await readUntil(link, "\n"))![1]);
  await link.close();
  const { stdout } = await new Deno.Command("tasklist", { args: ["/FI", `PID eq ${pid}`, "/NH"] }).output();
  assert.ok(!new TextDecoder().decode(stdout).includes(String(pid)));
  await Deno.remove(directory, { recursive: true });
});
