/** However much Deno was told to allow, the program keeps only the kinds of permissions that it has a use for. */
import assert from "node:assert/strict";
import { isWindows } from "../link/child/processes.ts";
import { startProgram } from "../support/program.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";
import { ended } from "./process_wires.ts";

const RUN = new URL("../../src/cli/run_program.ts", import.meta.url);
const KINDS = ["net", "read", "write", "env", "run", "ffi", "sys"] as const;

/** The program, which says at its end what it is still permitted. */
const ENTRY = `data:text/javascript,${
  encodeURIComponent(`
  const exit = Deno.exit;
  Deno.exit = (code) => {
    const left = ${
    JSON.stringify(KINDS)
  }.filter((name) => Deno.permissions.querySync({ name }).state === "granted");
    console.error("left: " + left.join(" ") + ".");
    exit(code);
  };
  const { runProgram } = await import("${RUN.href}");
  await runProgram(import.meta.url);
`)
}`;

/** Runs the program with all permissions to its end, and gives those that it has left. */
async function leftOf(args: readonly string[], handshake: boolean): Promise<string> {
  await using program = startProgram(args, { entry: ENTRY, protocol: handshake });
  if (handshake) await program.initialize();
  await program.closeStdin();
  assert.deepEqual(await ended(program), { code: 0, signal: null }, program.stderr());
  const [, left] = await program.waitStderr(/left: (.*)\./);
  return left!;
}

// Foreign functions are looked up after three seconds, where there are any to look up.
const FFI = isWindows ? "" : " ffi";

Deno.test("proxy to TCP keeps the network alone", async () => {
  await using server = await startRawLineServer();
  assert.equal(await leftOf(["proxy", server.endpoint], true), `net${FFI}`);
});

Deno.test("proxy to a URL that nobody signs in to keeps the network, and variables for proxies", async () => {
  await using server = await startRawServer();
  assert.equal(await leftOf(["proxy", "--oauth", "off", server.url], true), `net env${FFI}`);
});

Deno.test("proxy to a URL keeps what opens a browser, and nothing that writes where nothing is kept", async () => {
  await using server = await startRawServer();
  assert.equal(await leftOf(["proxy", server.url], true), `net read env run${FFI}`);
});

Deno.test("proxy to a command has no network and writes nothing", { ignore: isWindows }, async () => {
  const script = `while read -r line; do case $line in
    *initialize\\"*) echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"sh","version":"1"}}}' ;;
  esac; done`;
  assert.equal(await leftOf(["proxy", "--", "sh", "-c", script], true), "read env run ffi");
});

Deno.test("load-balance keeps what all of its upstreams need", async () => {
  await using one = await startRawServer();
  await using two = await startRawLineServer();
  const args = ["load-balance", "--oauth", "off", "--health-interval", "0", one.url, two.endpoint];
  assert.equal(await leftOf(args, true), `net env${FFI}`);
});

Deno.test("load-balance over TCP looks names up with nothing but the network", async () => {
  await using server = await startRawLineServer();
  const args = ["load-balance", "--health-interval", "0", `dns+tcp://localhost:${server.port}`];
  assert.equal(await leftOf(args, true), `net${FFI}`);
});

Deno.test("test runs nothing and writes nothing", async () => {
  await using server = await startRawServer();
  assert.equal(await leftOf(["test", server.url], false), "net env");
});

Deno.test("commands that only print keep nothing", async () => {
  assert.equal(await leftOf(["notification-demo", "--count", "1"], false), "");
  assert.equal(await leftOf(["completions", "bash"], false), "");
  assert.equal(await leftOf(["status"], false), "");
  assert.equal(await leftOf(["version"], false), "");
});

Deno.test("permissions keeps what asking takes", async () => {
  assert.equal(
    await leftOf(["permissions", "--offline", "proxy", "https://mcp.example/"], false),
    "net read env",
  );
});

Deno.test(
  "foreign functions are given up once the one is found that watches stdout",
  { ignore: isWindows },
  async () => {
    await using server = await startRawLineServer();
    await using program = startProgram(["proxy", server.endpoint], { entry: ENTRY });
    await program.initialize();
    await program.closeStdout();
    // It is noticed by that very function, which still works.
    assert.equal((await ended(program)).code, 0);
    const [, left] = await program.waitStderr(/left: (.*)\./);
    assert.equal(left, "net");
  },
);
