import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { browserCommands } from "../../../src/oauth/browser/browser_commands.ts";

const URL = "https://as.example/a?b=c&d=e";

function choose(
  os: typeof Deno.build.os,
  env: Record<string, string>,
  files: readonly string[] = [],
): { commands: string[][]; notes: readonly string[] } {
  const { commands, notes } = browserCommands(URL, {
    os,
    env: (name) => env[name],
    isFile: (path) => files.includes(path),
  });
  return { commands: commands.map(({ command, args }) => [command, ...args]), notes };
}

const DESKTOP = [["xdg-open", URL], ["gio", "open", URL], ["kde-open", URL], ["x-www-browser", URL]];
const HANDLER = ["url.dll,FileProtocolHandler", URL];

const table: [
  what: string,
  os: typeof Deno.build.os,
  env: Record<string, string>,
  commands: string[][],
  files?: string[],
][] = [
  ["Linux with X", "linux", { DISPLAY: ":0" }, DESKTOP],
  ["Linux with Wayland", "linux", { WAYLAND_DISPLAY: "wayland-0" }, DESKTOP],
  ["FreeBSD with X", "freebsd", { DISPLAY: ":0" }, DESKTOP],
  ["Linux with X over SSH", "linux", { DISPLAY: "localhost:10", SSH_CONNECTION: "a 1 b 2" }, DESKTOP],
  ["Linux without a display", "linux", {}, []],
  ["Linux with an empty display", "linux", { DISPLAY: "" }, []],
  ["macOS", "darwin", {}, [["/usr/bin/open", URL]]],
  ["macOS over SSH", "darwin", { SSH_CONNECTION: "a 1 b 2" }, []],
  ["Windows", "windows", { SystemRoot: "D:\\Win" }, [["D:\\Win\\System32\\rundll32.exe", ...HANDLER]]],
  ["Windows without SystemRoot", "windows", {}, [["C:\\Windows\\System32\\rundll32.exe", ...HANDLER]]],
  ["Windows over SSH", "windows", { SSH_CONNECTION: "a 1 b 2" }, []],
  ["WSL", "linux", { WSL_DISTRO_NAME: "Debian" }, [["rundll32.exe", ...HANDLER]]],
  [
    "WSL with the disk where it usually is",
    "linux",
    { WSL_INTEROP: "/run/WSL/1_interop" },
    [["/mnt/c/Windows/System32/rundll32.exe", ...HANDLER]],
    ["/mnt/c/Windows/System32/rundll32.exe"],
  ],
  ["WSL with a display", "linux", { WSL_DISTRO_NAME: "Debian", DISPLAY: ":0" }, [
    ["rundll32.exe", ...HANDLER],
    ...DESKTOP,
  ]],

  ["BROWSER without a display", "linux", { BROWSER: "firefox" }, [["firefox", URL]]],
  ["BROWSER before the desktop's", "linux", { BROWSER: "firefox", DISPLAY: ":0" }, [
    ["firefox", URL],
    ...DESKTOP,
  ]],
  ["BROWSER over SSH on macOS", "darwin", { BROWSER: "/usr/local/bin/show", SSH_CONNECTION: "a 1 b 2" }, [[
    "/usr/local/bin/show",
    URL,
  ]]],
  ["several in BROWSER", "linux", { BROWSER: "firefox:chromium --incognito:" }, [["firefox", URL], [
    "chromium",
    "--incognito",
    URL,
  ]]],
  ["%s in BROWSER", "linux", { BROWSER: "show --url=%s --as '%s' x%cy 100%%" }, [[
    "show",
    `--url=${URL}`,
    "--as",
    URL,
    "x:y",
    "100%",
  ]]],
  [
    "a file with spaces in BROWSER",
    "linux",
    { BROWSER: "/mnt/c/Program Files/b.exe" },
    [["/mnt/c/Program Files/b.exe", URL]],
    ["/mnt/c/Program Files/b.exe"],
  ],
  ["quotes in BROWSER", "linux", { BROWSER: "'/opt/a b/run' -x" }, [["/opt/a b/run", "-x", URL]]],
  ["an empty BROWSER", "linux", { BROWSER: " ", DISPLAY: ":0" }, DESKTOP],
  ["BROWSER=none", "linux", { BROWSER: "none", DISPLAY: ":0" }, []],
  [
    "BROWSER on Windows",
    "windows",
    { BROWSER: '"C:\\Program Files\\b.exe" -x;firefox', SSH_CONNECTION: "x" },
    [
      ["C:\\Program Files\\b.exe", "-x", URL],
      ["firefox.exe", URL],
    ],
  ],
];
for (const [what, os, env, commands, files] of table) {
  Deno.test(`browserCommands: ${what}`, () => deepStrictEqual(choose(os, env, files).commands, commands));
}

const shells = [
  "sh -c 'firefox %s'",
  "/bin/bash -c %s",
  "/usr/bin/zsh",
  "pwsh -Command Start-Process %s",
  "/mnt/c/Windows/System32/WindowsPowerShell/v1.0/powershell.exe Start",
  "CMD.EXE /c start",
  "/mnt/c/open.cmd",
];
for (const value of shells) {
  Deno.test(`browserCommands gives no URL to a shell: ${value}`, () => {
    const { commands, notes } = choose("linux", { BROWSER: value });
    deepStrictEqual(commands, []);
    match(notes.join(), /shell/);
  });
}

for (const value of ["cmd /c start", "powershell -c start", "C:\\tools\\open.bat", "open.cmd", "x.vbs"]) {
  Deno.test(`browserCommands gives no URL to a shell of Windows: ${value}`, () => {
    deepStrictEqual(choose("windows", { BROWSER: value, SSH_CONNECTION: "x" }).commands, []);
  });
}

Deno.test("browserCommands says why there is nothing to try", () => {
  deepStrictEqual(choose("linux", {}).notes, ["there is no display"]);
  deepStrictEqual(choose("darwin", { SSH_CONNECTION: "a" }).notes, ["this is a remote session"]);
  deepStrictEqual(choose("linux", { BROWSER: "'x" }).notes, [
    "BROWSER has a quote that is not closed",
    "there is no display",
  ]);
  strictEqual(choose("linux", { BROWSER: "none" }).notes[0], "BROWSER says none");
});
