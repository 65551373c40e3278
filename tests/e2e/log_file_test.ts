/** `--log-file`: the log in a file, beside stderr. */
import assert from "node:assert/strict";
import { runCli } from "../cli/run_cli.ts";
import { startRawServer } from "../support/raw_server.ts";
import type { Program } from "../support/program.ts";
import { proxied, startProxy } from "./proxied.ts";

async function finish(program: Program): Promise<void> {
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
}

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

for (const format of ["text", "json"]) {
  Deno.test(`the file has the lines of stderr, without secrets (--log-format ${format})`, () =>
    inDirectory(async (directory) => {
      await using server = await startRawServer();
      const path = `${directory}/mcp.log`;
      const args = [
        "--log-file",
        path,
        "--log-level",
        "trace",
        "--log-format",
        format,
        "--auth-token",
        "tok-8f3a9c27d1b6",
      ];
      await using program = await proxied(server.url, { args });
      await program.request("ping");
      await finish(program);
      await program.waitStderr(/ending/);
      const file = await Deno.readTextFile(path);
      assert.equal(file, program.stderr());
      assert.ok(file.split("\n").length > 5);
      assert.doesNotMatch(file, /8f3a9c27d1b6/);
      for (const line of file.trimEnd().split("\n")) {
        if (format === "json") assert.match(JSON.parse(line).time, /^\d{4}-.*Z$/);
        else assert.match(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z (?:TRACE|DEBUG|INFO |WARN |ERROR) /);
      }
    }));
}

Deno.test("the file gets what the log level lets through, and is made though nothing is logged", () =>
  inDirectory(async (directory) => {
    await using server = await startRawServer();
    const path = `${directory}/mcp.log`;
    await using program = await proxied(server.url, { env: { MCP_CONNECT_LOG_FILE: path } });
    await finish(program);
    assert.equal(await Deno.readTextFile(path), "");
    assert.equal(program.stderr(), "");
  }));

Deno.test("test writes the file too", () =>
  inDirectory(async (directory) => {
    await using server = await startRawServer();
    const path = `${directory}/mcp.log`;
    const run = await runCli(["test", "--log-file", path, "--log-level", "debug", server.url]);
    assert.equal(run.code, 0, run.stderr);
    assert.match(await Deno.readTextFile(path), /DEBUG/);
  }));

Deno.test("a missing permission for the file is named, with exit code 6; what is named is enough", () =>
  inDirectory(async (directory) => {
    await using server = await startRawServer();
    const path = `${directory}/mcp.log`;
    const net = `--allow-net=${new URL(server.url).host}`;
    const args = ["--log-file", path, "--log-level", "debug", "--log-file-size", "1KiB", server.url];
    const { code, stdout, stderr } = await runCli(["proxy", ...args], { permissions: [net] });
    assert.deepEqual([code, stdout], [6, ""], stderr);
    const flags = /run Deno with (--allow-write=\S+) (--allow-read=\S+)$/.exec(stderr.trimEnd())!.slice(1);
    for (const flag of flags) {
      assert.equal((await runCli(["proxy", ...args], { permissions: [net, flag] })).code, 6);
    }
    for (let i = 0; i < 3; i++) {
      await Deno.writeTextFile(path, `${i}`.repeat(1023) + "\n");
      const run = await runCli(["test", ...args], { permissions: [net, ...flags] });
      assert.equal(run.code, 0, run.stderr);
      assert.doesNotMatch(run.stderr, /can't be written|NotCapable/);
    }
    for (const name of ["mcp.log", "mcp.log.1", "mcp.log.2"]) {
      assert.ok((await Deno.stat(`${directory}/${name}`)).isFile);
    }
    await assert.rejects(Deno.stat(`${directory}/mcp.log.3`));
  }));

Deno.test("a file that can't be written stops nothing: one warning, and the session goes on", () =>
  inDirectory(async (directory) => {
    await using server = await startRawServer();
    for (const path of [`${directory}/none/mcp.log`, directory]) {
      await using program = await proxied(server.url, { args: ["--log-file", path, "--log-level", "debug"] });
      await program.waitStderr(/WARN .*the log file can't be written/);
      assert.deepEqual((await program.request("ping")).result, {});
      await finish(program);
      await program.waitStderr(/ending/);
      assert.equal(program.stderr().match(/can't be written/g)?.length, 1, program.stderr());
    }
  }));

Deno.test("a directory that vanishes stops nothing", () =>
  inDirectory(async (directory) => {
    await using server = await startRawServer();
    await Deno.mkdir(`${directory}/logs`);
    const args = ["--log-file", `${directory}/logs/mcp.log`, "--log-level", "trace"];
    await using program = await proxied(server.url, { args });
    await program.request("ping");
    await Deno.rename(`${directory}/logs`, `${directory}/away`);
    for (let i = 0; i < 5; i++) assert.deepEqual((await program.request("ping")).result, {});
    await finish(program);
    await program.waitStderr(/ending/);
    assert.equal(program.stderr().match(/can't be written/g)?.length, 1, program.stderr());
  }));

Deno.test("one who holds the file's lock for ever stops nothing, the end included", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/mcp.log`;
    using lock = await Deno.open(`${path}.lock`, { write: true, create: true });
    await lock.lock(true);
    await using server = await startRawServer();
    await using program = startProxy(server.url, { args: ["--log-file", path, "--log-level", "debug"] });
    await program.initialize();
    assert.deepEqual((await program.request("ping")).result, {});
    await finish(program);
    await assert.rejects(Deno.stat(path));
  }));

Deno.test("copies of the program that share a file leave every line whole", () =>
  inDirectory(async (directory) => {
    await using server = await startRawServer();
    const path = `${directory}/mcp.log`;
    const args = [
      "--log-file",
      path,
      "--log-level",
      "trace",
      "--log-format",
      "json",
      "--log-file-size",
      "4KiB",
      "--log-file-count",
      "100",
    ];
    const logged = await Promise.all(Array.from({ length: 4 }, async () => {
      await using program = await proxied(server.url, { args });
      for (let i = 0; i < 30; i++) await program.request("ping");
      await finish(program);
      await program.waitStderr(/ending/);
      return program.stderr().trimEnd().split("\n");
    }));
    const found: string[] = [];
    for await (const { name } of Deno.readDir(directory)) {
      if (!name.endsWith(".lock")) {
        found.push(...(await Deno.readTextFile(`${directory}/${name}`)).trimEnd().split("\n"));
      }
    }
    assert.deepEqual(found.sort(), logged.flat().sort());
  }));
