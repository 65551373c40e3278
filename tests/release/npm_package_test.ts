import { deepStrictEqual, match, ok, strictEqual, throws } from "node:assert/strict";
import { permissionFlags } from "../../scripts/compile/permissions.ts";
import { makeNpmPackage, npmManifest, npmShim } from "../../scripts/release/npm_package.ts";
import { smoke } from "../../scripts/release/smoke.ts";
import { VERSION } from "../../src/version.ts";
import { NPM, run } from "./npm_tools.ts";
import { readFile } from "./release_files.ts";

const windows = Deno.build.os === "windows";

Deno.test("the npm package works from its tarball, in an empty folder", async (t) => {
  const directory = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.mkdir(`${directory}/empty`);
    await makeNpmPackage(`${directory}/package`, { version: VERSION, deno: Deno.version.deno });
    const listed = JSON.parse(
      await run([...NPM, "pack", "--json", `${directory}/package`], { cwd: directory }),
    );
    const tarball = `${directory}/${listed[0].filename}`;
    await run([...NPM, "init", "--yes"], { cwd: `${directory}/empty` });
    await run([...NPM, "install", "--no-audit", "--no-fund", "--prefer-offline", tarball], {
      cwd: `${directory}/empty`,
    });
    const modules = `${directory}/empty/node_modules`;
    const script = `${modules}/mcp-connect/bin/mcp-connect.mjs`;

    await t.step("it holds the program and what it needs, and nothing else", () => {
      const files = (listed[0].files as { path: string }[]).map(({ path }) => path);
      deepStrictEqual(files.sort(), [
        "LICENSE",
        "README.md",
        "bin/mcp-connect.mjs",
        "dist/mcp-connect-balance.js",
        "dist/mcp-connect-parts.js",
        "dist/mcp-connect-program.js",
        "dist/mcp-connect.js",
        "package.json",
      ]);
      // No address of the machine it was made on.
      ok(!Deno.readTextFileSync(`${modules}/mcp-connect/dist/mcp-connect.js`).includes(directory));
    });

    await t.step("npm links it as a command", async () => {
      const command = windows
        ? ["cmd", "/c", `${modules}/.bin/mcp-connect.cmd`]
        : [`${modules}/.bin/mcp-connect`];
      strictEqual(await run([...command, "--version"]), `mcp-connect ${VERSION}\n`);
    });

    await t.step("it does its work", () => smoke(["node", script], VERSION));

    await t.step("it runs with the Deno that npm brought, not with one that is on the PATH", async () => {
      const node = (await run(["node", "-p", "process.execPath"])).trim();
      const env = { PATH: "", Path: "" };
      const facts = JSON.parse(await run([node, script, "version", "--json"], { env }));
      strictEqual(facts.deno, Deno.version.deno);
    });

    await t.step("its exit code is the program's", async () => {
      const { code } = await new Deno.Command("node", { args: [script, "prxy"], stdin: "null" }).output();
      strictEqual(code, 2);
    });

    await t.step("it works where scripts may not run at installation", async () => {
      // What the script of Deno's package has linked there.
      await Deno.remove(`${modules}/deno/${windows ? "deno.exe" : "deno"}`).catch(() => {});
      strictEqual(await run(["node", script, "--version"]), `mcp-connect ${VERSION}\n`);
    });

    await t.step("without Deno's executable it says so, on stderr", async () => {
      await Deno.rename(`${modules}/deno`, `${modules}/gone`);
      const { code, stdout, stderr } = await new Deno.Command("node", { args: [script, "--version"] })
        .output();
      strictEqual(code, 1);
      strictEqual(stdout.length, 0);
      match(new TextDecoder().decode(stderr), /^mcp-connect: Deno can't be started: .*deno\/package\.json/);
      await Deno.rename(`${modules}/gone`, `${modules}/deno`);
    });

    if (Deno.build.os === "linux") {
      await t.step("a signal reaches the program, and leaves nothing behind (setsid, /proc)", async () => {
        const child = new Deno.Command("node", {
          args: [script, "proxy", "--no-store", "--", "cat"],
          stdin: "piped",
          stdout: "piped",
          stderr: "null",
        }).spawn();
        const writer = child.stdin.getWriter();
        const ping = '{"jsonrpc":"2.0","method":"notifications/x"}\n';
        await writer.write(new TextEncoder().encode(ping));
        // Its command echoes what it is told: now all of them are there.
        const reader = child.stdout.getReader();
        strictEqual(new TextDecoder().decode((await reader.read()).value), ping);
        const family = await descendants(child.pid);
        ok(family.length > 0);
        child.kill("SIGTERM");
        // It ends when the program has, and as the program has.
        const { code, signal } = await child.status;
        const left = family.filter(isThere);
        await writer.close().catch(() => {});
        while (!(await reader.read()).done);
        deepStrictEqual({ code, signal, left }, { code: 0, signal: null, left: [] });
      });
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** The processes that a process has started, and those that they have. */
async function descendants(pid: number): Promise<number[]> {
  const parents = new Map<number, number>();
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await Deno.readTextFile(`/proc/${name}/stat`).catch(() => "");
    parents.set(Number(name), Number(stat.replace(/^.*\) \S /, "").split(" ")[0]));
  }
  const found: number[] = [];
  for (const [child, parent] of parents) {
    if (parent === pid) found.push(child, ...await descendants(child));
  }
  return found;
}

/** Whether a process runs; one that has ended and is not yet forgotten does not. */
function isThere(pid: number): boolean {
  try {
    return !/^.*\) Z/.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return false;
  }
}

Deno.test("the package says where it is from, when that is known, and which Deno it was tested with", () => {
  const manifest = npmManifest({
    name: "@example/mcp-connect",
    version: "1.2.3",
    deno: "2.9.6",
    repository: "example/mcp-connect",
  });
  strictEqual(manifest.name, "@example/mcp-connect");
  deepStrictEqual(manifest.dependencies, { deno: "2.9.6" });
  deepStrictEqual(manifest.repository, {
    type: "git",
    url: "git+https://github.com/example/mcp-connect.git",
  });
  strictEqual(npmManifest({ version: "1.2.3", deno: "2.9.6" }).repository, undefined);
});

Deno.test("its script grants what the executables are granted, on each system", () => {
  const shim = npmShim(readFile("scripts/release/npm_shim.mjs"));
  for (const [platform, os] of [["darwin", "darwin"], ["linux", "linux"], ["win32", "windows"]] as const) {
    ok(shim.includes(`${platform}: ${JSON.stringify(permissionFlags(os))}`), platform);
  }
  ok(!/allow-all|"-A"/.test(shim));
  throws(() => npmShim("run()"), /no place for the permissions/);
});
