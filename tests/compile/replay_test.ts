import { deepEqual, equal, match, ok } from "node:assert/strict";
import { compileFor } from "../../scripts/compile/compile_for.ts";
import { makeIcon } from "../../scripts/compile/icon.ts";
import { readPayload } from "../../scripts/compile/payload.ts";
import { permissionFlags } from "../../scripts/compile/permissions.ts";
import { pinProgram } from "../../scripts/compile/pin.ts";
import { replay, replayArgs } from "../../scripts/compile/replay.ts";
import { stageBundle } from "../../scripts/compile/stage_bundle.ts";
import { madeStandIn } from "../../scripts/compile/stand_ins.ts";
import { hostTarget } from "../../scripts/compile/targets.ts";
import { startProgram } from "../support/program.ts";
import { signIn } from "../support/test_browser.ts";
import { startPlace } from "../e2e/signed_in_place.ts";
import { askSignIn } from "../../scripts/compile/ask_sign_in.ts";
import { SDK_STDIO_COMMAND, startSdkHttpServer } from "../support/sdk_servers.ts";

/** Takes the program out of an executable that was made for this machine, to be run as it would run it. */
async function takenOut(content: { readonly flags: readonly string[]; readonly args: readonly string[] }) {
  const directory = await Deno.makeTempDir();
  const { main } = await stageBundle(`${directory}/bundle`);
  const icon = `${directory}/icon.ico`;
  await Deno.writeFile(icon, makeIcon());
  const target = hostTarget()!;
  const [base, output] = [await madeStandIn(target, directory), `${directory}/out`];
  await compileFor({ target, main, output, ...content, icon, base });
  const { metadata, files } = readPayload(await Deno.readFile(output));
  const place = `${directory}/files`;
  const version = await replay({ metadata, files }, place, ["--version"]);
  return {
    version,
    /** The whole command line, without arguments of the user's. */
    entry: [Deno.execPath(), ...replayArgs(metadata, place)],
    [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }),
  };
}

Deno.test("what executables carry does all commands with the permissions that they carry", async (t) => {
  await using taken = await takenOut({ flags: permissionFlags(hostTarget()!.os), args: [] });
  const { entry } = taken;
  match(taken.version, /^mcp-connect \d/);
  ok(!entry.some((it) => it === "-A" || it === "--allow-all"));
  await using server = await startSdkHttpServer();

  const bridges: readonly (readonly string[])[] = [
    ["proxy", "--endpoint", server.url],
    ["load-balance", "--endpoints", server.url, "--status-port", "0"],
    ["proxy", "--", ...SDK_STDIO_COMMAND],
  ];
  for (const args of bridges) {
    await t.step(args.slice(0, 2).join(" "), async () => {
      await using program = startProgram(args, { entry });
      await program.initialize();
      const { result } = await program.request("tools/list");
      ok((result as { tools: unknown[] }).tools.length > 0);
      await program.closeStdin();
      equal((await program.status).code, 0, program.stderr());
    });
  }
  for (
    const args of [["help", "proxy"], ["status"], ["test", "--endpoint", server.url], ["completions", "bash"]]
  ) {
    await t.step(args[0]!, async () => {
      await using program = startProgram(args, { entry, protocol: false });
      await program.closeStdin();
      equal((await program.status).code, 0, program.stderr());
    });
  }
});

Deno.test("what a pinned executable carries reaches its endpoint, and no other", async () => {
  await using server = await startSdkHttpServer();
  await using other = await startSdkHttpServer();
  const { hostname, port } = new URL(server.url);
  const pin = {
    endpoints: [server.url],
    allowHosts: [],
    allowVariables: [],
    signIn: false,
    store: false as const,
  };
  {
    await using taken = await takenOut(pinProgram({ ...pin, args: [] }, hostTarget()!.os));
    const { entry } = taken;
    deepEqual(
      entry.filter((it) => it.startsWith("--allow-") && !it.startsWith("--allow-env=")),
      [`--allow-net=${hostname}:${port}`],
    );
    await using program = startProgram([], { entry });
    await program.initialize();
    const { result } = await program.request("tools/list");
    ok((result as { tools: unknown[] }).tools.length > 0);
    await program.closeStdin();
    equal((await program.status).code, 0, program.stderr());
    deepEqual(program.stderr(), "");
  }
  await using taken = await takenOut({
    flags: pinProgram({ ...pin, args: [] }, hostTarget()!.os).flags,
    args: pinProgram({ ...pin, endpoints: [other.url], args: [] }, hostTarget()!.os).args,
  });
  await using program = startProgram([], { entry: taken.entry });
  await program.send({
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } },
  });
  const { error } = await program.response(1);
  match(JSON.stringify(error), new RegExp(`--allow-net=${hostname}:${new URL(other.url).port}`));
  equal(other.sessions(), 0);
});

Deno.test("what a pinned executable carries reaches its endpoint through the environment's proxy", async () => {
  const paths: string[] = [];
  await using proxy = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    paths.push(request.url);
    const { id } = await request.json();
    const result = {
      protocolVersion: "2025-11-25",
      capabilities: {},
      serverInfo: { name: "s", version: "1" },
    };
    return Response.json({ jsonrpc: "2.0", id, result });
  });
  const endpoints = ["http://mcp.example.com/mcp"];
  const pin = {
    endpoints,
    allowHosts: [],
    allowVariables: [],
    signIn: false,
    store: false as const,
    args: [],
  };
  await using taken = await takenOut(pinProgram(pin, hostTarget()!.os));
  const env = { HTTP_PROXY: `http://127.0.0.1:${proxy.addr.port}` };
  await using program = startProgram([], { entry: taken.entry, env });
  const params = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "t", version: "1" } };
  const { result } = await program.request("initialize", params);
  equal((result as { serverInfo: { name: string } }).serverInfo.name, "s");
  await program.closeStdin();
  equal((await program.status).code, 0, program.stderr());
  deepEqual(paths, endpoints);
});

Deno.test("with what a pinned executable carries a person signs in, at the server that was found for it", async () => {
  await using place = await startPlace();
  const url = new URL(place.server.url);
  const answer = await askSignIn(url);
  ok(answer.kind === "wanted");
  deepEqual([...answer.hosts].sort(), [url.host, new URL(place.authorization.issuer).host].sort());
  const pin = { endpoints: [url.href], allowHosts: answer.hosts, allowVariables: [], signIn: true, args: [] };
  await using taken = await takenOut(pinProgram({ ...pin, store: place.store }, hostTarget()!.os));
  // Which browser there is depends on the machine: the person goes to the address that is printed.
  await using program = startProgram([], { entry: taken.entry, env: { ...place.env, BROWSER: "none" } });
  const initialized = program.initialize({ timeoutMs: 60_000 });
  const [address] = await program.waitStderr(/http:\/\/127\.0\.0\.1:\d+\/auth\?\S+/, 30_000);
  equal((await signIn(new URL(address))).status, 200);
  await initialized;
  const { result } = await program.request("tools/list");
  ok((result as { tools: unknown[] }).tools.length > 0);
  await program.closeStdin();
  equal((await program.status).code, 0, program.stderr());
  equal((await place.accounts()).length, 1);
});
