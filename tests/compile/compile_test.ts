import { deepEqual, equal, match, ok } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ExitCode } from "../../scripts/compile/compile_error.ts";
import { makeBase } from "../../scripts/compile/make_base.ts";
import { readPayload } from "../../scripts/compile/payload.ts";
import { permissionFlags } from "../../scripts/compile/permissions.ts";
import { executableName, hostTarget, TARGETS } from "../../scripts/compile/targets.ts";
import { startPlace } from "../e2e/signed_in_place.ts";
import { programEnvironment, REPOSITORY } from "../support/program.ts";
import { startSdkHttpServer } from "../support/sdk_servers.ts";

/** Runs the task as a user does. */
async function compile(args: readonly string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "compile", ...args],
    cwd: REPOSITORY,
    clearEnv: true,
    env: { ...programEnvironment(), DENORT_BIN: "", NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

async function temporaryDirectory() {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

async function namesIn(directory: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name);
}

Deno.test("the check proves the executables of all six targets, and leaves none behind", async () => {
  await using out = await temporaryDirectory();
  const { code, stdout, stderr } = await compile(["--check", "--out", out.path]);
  equal(code, 0, stderr);
  equal(stderr, "");
  match(stdout, /^module graph and types: as they should be$/m);
  for (const { triple, os } of TARGETS) {
    match(
      stdout,
      new RegExp(`^${triple}: \\d+ files \\(.*\\), permissions, arguments.* as they should be$`, "m"),
    );
    const [line] = stdout.slice(stdout.indexOf(`${triple}:`)).split("\n").slice(1);
    equal(line?.trim(), permissionFlags(os).join(" "));
  }
  equal(stdout.match(/icon as they should be/g)?.length, 2);
  const runnable = TARGETS.filter(({ os }) => os === Deno.build.os).length;
  equal(stdout.match(/it tells its version/g)?.length, runnable);
  deepEqual(await namesIn(out.path), []);
});

Deno.test("a pinned executable may connect to its endpoint alone, if that wants no sign-in", async () => {
  await using server = await startSdkHttpServer();
  const { code, stdout, stderr } = await compile(["--check", "--endpoint", server.url, "--no-store"]);
  equal(code, 0, stderr);
  equal(stderr, "");
  const line =
    `--no-prompt --allow-net=127.0.0.1:${server.port} --deny-import -- proxy --endpoint ${server.url} --no-store`;
  const lines = stdout.split("\n").map((it) => it.trim().replace(/ --allow-env=\S+/, ""));
  equal(lines.filter((it) => it === line).length, TARGETS.length, stdout);
});

Deno.test("a pinned executable may connect to the authorization server that its endpoint names", async () => {
  await using place = await startPlace();
  const target = hostTarget()!;
  const { code, stdout, stderr } = await compile([
    ...["--check", "--target", target.triple, "--endpoint", place.server.url, "--store", place.store],
  ]);
  equal(code, 0, stderr);
  equal(stderr, "");
  const [server, issuer] = [place.server.url, place.authorization.issuer].map((it) => new URL(it).host);
  const [, net] = /--allow-net=(\S+)/.exec(stdout)!;
  deepEqual(net!.split(","), [server, issuer, "127.0.0.1", "[::1]"]);
  ok(stdout.includes(` --allow-read=${place.store} --allow-write=${place.store} `), stdout);
});

Deno.test("what is not known of an endpoint is told, and not permitted", async () => {
  await using server = await startSdkHttpServer();
  await server.close();
  const { code, stdout, stderr } = await compile([
    ...[
      "--check",
      "--target",
      TARGETS[0]!.triple,
      "--endpoint",
      server.url,
      "--allow-host",
      "auth.example:443",
    ],
  ]);
  equal(code, 0, stderr);
  match(stderr, /^note: whether http:\/\/\S+ wants a sign-in is not known \(it does not answer/);
  match(stdout, new RegExp(` --allow-net=127\\.0\\.0\\.1:${server.port},auth\\.example:443 `));
  ok(!stdout.includes("--allow-run"));
});

Deno.test("with DENORT_BIN an executable is made for what it is for", async () => {
  await using out = await temporaryDirectory();
  const target = TARGETS.find(({ os, arch }) => os !== Deno.build.os && arch !== Deno.build.arch)!;
  const base = `${out.path}/denort`;
  await Deno.writeFile(base, makeBase(target));
  const { code, stdout, stderr } = await compile(["--out", `${out.path}/bin`], { DENORT_BIN: base });
  equal(code, 0, stderr);
  const name = executableName("mcp-connect", target);
  deepEqual(await namesIn(`${out.path}/bin`), [name]);
  ok(stdout.trimEnd().endsWith(`${out.path}/bin/${name}`), stdout);
  const { metadata, files } = readPayload(await Deno.readFile(`${out.path}/bin/${name}`));
  equal(metadata.entrypoint_key, "mcp-connect.js");
  ok(files.size > 1);
});

Deno.test("the same source gives the same executable", async () => {
  await using out = await temporaryDirectory();
  const base = `${out.path}/denort`;
  const target = TARGETS.find(({ os, arch }) => os !== Deno.build.os && arch !== Deno.build.arch)!;
  await Deno.writeFile(base, makeBase(target));
  const made = await Promise.all(["a", "b"].map(async (name) => {
    const { code, stderr } = await compile(["--out", `${out.path}/${name}`], { DENORT_BIN: base });
    equal(code, 0, stderr);
    return await Deno.readFile(`${out.path}/${name}/${executableName("mcp-connect", target)}`);
  }));
  ok(Buffer.compare(made[0]!, made[1]!) === 0);
});

const BAD_BASES:
  readonly (readonly [name: string, bytes: Uint8Array | undefined, code: number, said: RegExp])[] = [
    [
      "that is not there",
      undefined,
      ExitCode.NoBase,
      /DENORT_BIN names .*can't be read: there is no such file/,
    ],
    ["of no format", new TextEncoder().encode("#!/bin/sh\n"), ExitCode.NoBase, /no executable of any target/],
    ["that is cut off", makeBase(TARGETS[0]!).slice(0, 64), ExitCode.Failed, /can't be compiled: /],
  ];

for (const [name, bytes, expected, said] of BAD_BASES) {
  for (const check of [["--check"], []]) {
    Deno.test(`a base ${name} makes ${check[0] ?? "compiling"} fail`, async () => {
      await using out = await temporaryDirectory();
      const base = `${out.path}/denort`;
      if (bytes !== undefined) await Deno.writeFile(base, bytes);
      const { code, stderr } = await compile([...check, "--out", `${out.path}/bin`], { DENORT_BIN: base });
      equal(code, expected, stderr);
      match(stderr, said);
      if (await namesIn(out.path).then((names) => names.includes("bin"))) {
        deepEqual(await namesIn(`${out.path}/bin`), []);
      }
    });
  }
}

Deno.test("Deno itself is no base: what is made with it does not run the program, and is not left behind", async () => {
  await using out = await temporaryDirectory();
  const { code, stderr } = await compile(["--out", out.path], { DENORT_BIN: Deno.execPath() });
  equal(code, ExitCode.NoBase, stderr);
  match(stderr, /the executable does not run the program: asked for its version it says "deno /);
  match(stderr, /is the base denort\? Deno itself is not enough/);
  deepEqual(await namesIn(out.path), []);
});

Deno.test("a base for another target than the one that is named is told", async () => {
  await using out = await temporaryDirectory();
  const base = `${out.path}/denort`;
  await Deno.writeFile(base, makeBase(TARGETS[5]!));
  const { code, stderr } = await compile(["--target", TARGETS[0]!.triple], { DENORT_BIN: base });
  equal(code, ExitCode.NoBase);
  match(
    stderr,
    /DENORT_BIN is for aarch64-pc-windows-msvc, and can't be the base for x86_64-unknown-linux-gnu/,
  );
});

Deno.test("a wrong option is told with the exit code for it", async () => {
  const { code, stderr } = await compile(["--targets"]);
  equal(code, ExitCode.Usage);
  match(stderr, /^error: unknown option --targets\ndeno task compile /);
});
