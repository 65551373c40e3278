/** Servers behind TLS with a certificate of a private authority. */
import assert from "node:assert/strict";
import { REPOSITORY } from "../support/program.ts";
import { listenRaw } from "../support/raw_socket.ts";
import { startRawServer } from "../support/raw_server.ts";
import { startRawSseServer } from "../support/raw_sse_server.ts";
import { proxied, startProxy } from "./proxied.ts";

const DIRECTORY = `${REPOSITORY}tests/support/tls/`;
const CA = `${DIRECTORY}ca.pem`;

/** What a server needs to show this certificate. */
function identity(name: "server" | "other_name" | "expired") {
  const read = (file: string) => Deno.readTextFileSync(`${DIRECTORY}${file}.pem`);
  return { tls: { cert: read(name), key: read("server_key") } };
}

Deno.test("A server with a certificate of a private authority works with --ca-cert, by number and by name", async () => {
  await using server = await startRawServer({ ...identity("server"), get: "open" });
  for (const url of [server.url, server.url.replace("127.0.0.1", "localhost")]) {
    await using program = await proxied(url, { args: ["--ca-cert", CA] });
    const { result } = await program.request("tools/call", { name: "echo", arguments: { text: "ü" } });
    assert.deepEqual(result.structuredContent, { text: "ü" });
    await server.stream();
    assert.equal(program.stderr(), "");
  }
  assert.deepEqual(server.violations, []);
});

Deno.test("The authority may come from the environment, and be one of several", async () => {
  await using server = await startRawServer(identity("server"));
  const other = await Deno.makeTempFile({ suffix: ".pem" });
  await Deno.writeTextFile(other, Deno.readTextFileSync(`${DIRECTORY}expired.pem`));
  try {
    await using one = await proxied(server.url, { env: { MCP_CONNECT_CA_CERT: CA } });
    assert.deepEqual((await one.request("ping")).result, {});
    await using two = await proxied(server.url, { args: ["--ca-cert", other, "--ca-cert", CA] });
    assert.deepEqual((await two.request("ping")).result, {});
  } finally {
    await Deno.remove(other);
  }
});

Deno.test("Without --ca-cert the error to initialize names it, and nothing is sent", async () => {
  await using server = await startRawServer(identity("server"));
  await using program = startProxy(server.url, { args: ["--auth-token", "token-abc"] });
  await assert.rejects(program.initialize(), /-31002 .*not signed by a known authority/);
  const { error } = program.messages[0]!;
  assert.deepEqual([error?.data.code, error?.data.endpoint], ["TLS", server.url]);
  assert.match(error?.data.hint, /--ca-cert/);
  assert.equal(server.requests.length, 0);
});

Deno.test("A certificate for another name, and one that has expired, are refused", async () => {
  for (const name of ["other_name", "expired"] as const) {
    await using server = await startRawServer(identity(name));
    await using program = startProxy(server.url, { args: ["--ca-cert", CA] });
    await assert.rejects(program.initialize(), /-31002 /);
    const { error } = program.messages[0]!;
    assert.equal(error?.data.code, "TLS");
    assert.match(error?.message ?? "", name === "expired" ? /expired/i : /name/i);
    assert.equal(server.requests.length, 0);
  }
});

Deno.test("Plain HTTP where TLS is expected is a TLS error", async () => {
  await using server = await listenRaw(async (connection) => {
    await connection.read();
    await connection.write("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    await connection.end();
  });
  await using program = startProxy(`https://127.0.0.1:${server.port}/mcp`);
  await assert.rejects(program.initialize(), /-31002 /);
});

Deno.test("HTTP+SSE works over TLS too", async () => {
  await using server = await startRawSseServer(identity("server"));
  await using program = await proxied(server.url, { args: ["--ca-cert", CA] });
  assert.deepEqual((await program.request("ping")).result, {});
});

Deno.test("A redirect from https to plain http is followed to this machine only", async () => {
  await using plain = await startRawServer();
  await using server = await startRawServer(identity("server"));
  const args = ["--ca-cert", CA, "--auth-token", "token-abc"];
  {
    server.on("initialize", (_request, reply) => reply.redirect("http://mcp.test/mcp"));
    await using program = startProxy(server.url, { args });
    await assert.rejects(program.initialize(), /-31011 .*from https to plain http/);
  }
  server.on("initialize", (_request, reply) => reply.redirect(plain.url));
  await using program = await proxied(server.url, { args });
  assert.deepEqual((await program.request("ping")).result, {});
  for (const { headers } of plain.requests) assert.equal(headers.has("authorization"), false);
});

Deno.test("A certificate file that is none is a usage error", async () => {
  for (const file of ["/no/such/file.pem", `${DIRECTORY}README.md`]) {
    await using program = startProxy("https://localhost:1", { args: ["--ca-cert", file] });
    assert.equal((await program.status).code, 2);
    assert.match(program.stderr(), /--ca-cert/);
  }
});

Deno.test("http:// to a server behind TLS, and https:// to one that is not, are told the other scheme", async () => {
  await using secure = await startRawServer(identity("server"));
  await using plain = await listenRaw(async (connection) => {
    await connection.read();
    await connection.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  });
  for (
    const [url, hint] of [[secure.url.replace("https:", "http:"), /https:/], [
      `https://127.0.0.1:${plain.port}/mcp`,
      /http:/,
    ]] as const
  ) {
    await using program = startProxy(url);
    const { error } = await program.request("initialize", {});
    assert.equal(error?.data.code, "TLS");
    assert.match(error!.data.hint, hint);
  }
});
