#!/usr/bin/env node
// Runs mcp-connect with the Deno that npm has installed beside it.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const windows = process.platform === "win32";
// Those of the executables, put in when the package is made.
const permissions = PERMISSIONS;

/** Deno's own package links its executable here when it is installed, or when it is asked to. */
function findDeno() {
  const require = createRequire(import.meta.url);
  const deno = join(dirname(require.resolve("deno/package.json")), windows ? "deno.exe" : "deno");
  return existsSync(deno) ? deno : require("deno/install_api.cjs").runInstall();
}

function fail(error) {
  process.stderr.write(`mcp-connect: Deno can't be started: ${error.message}\n`);
  process.exit(1);
}

let deno;
try {
  deno = findDeno();
} catch (error) {
  fail(error);
}

const args = [
  "run",
  "--quiet",
  "--no-config",
  "--no-lock",
  "--cached-only",
  ...permissions[process.platform],
  fileURLToPath(new URL("../dist/mcp-connect.js", import.meta.url)),
  ...process.argv.slice(2),
];

// The process becomes Deno: nothing is left in between.
if (!windows && typeof process.execve === "function") process.execve(deno, [deno, ...args], process.env);

// Otherwise this process stays, hands signals on and ends as Deno does. On Unix Deno gets a process group of its own:
// Ctrl+C would reach it twice otherwise, and the second one means "at once". On Windows the console tells it itself.
const child = spawn(deno, args, { stdio: "inherit", detached: !windows, windowsHide: true });
const signals = windows ? ["SIGINT", "SIGBREAK"] : ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];
for (const signal of signals) process.on(signal, () => windows || child.kill(signal));
child.on("error", fail);
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  for (const it of signals) process.removeAllListeners(it);
  process.kill(process.pid, signal);
});
