/** Mutual TLS: servers that want to know who their client is. */
import assert from "node:assert/strict";
import { runCli } from "../cli/run_cli.ts";
import { startClientTlsServer, tlsFile } from "../support/client_tls_server.ts";
import { REPOSITORY } from "../support/program.ts";
import { startRawServer } from "../support/raw_server.ts";
import { proxied, startProxy } from "./proxied.ts";

const DIRECTORY = `${REPOSITORY}tests/support/tls/`;
const TRUST = ["--ca-cert", `${DIRECTORY}ca.pem`];
const identity = (cert: string, key = `${cert}_key`) => [
  ...["--client-cert", `${DIRECTORY}${cert}.pem`],
  ...["--client-key", `${DIRECTORY}${key}.pem`],
];
const CLIENT = identity("client");

for (const version of ["TLSv1.3", "TLSv1.2"] as const) {
  Deno.test(`a server that wants a client certificate gets the one of --client-cert (${version})`, async () => {
    await using server = await startClientTlsServer({ version });
    await using program = await proxied(server.url, { args: [...TRUST, ...CLIENT] });
    assert.deepEqual((await program.request("ping")).result, {});
    assert.ok(server.clients.length >= 3);
    assert.deepEqual(new Set(server.clients), new Set(["test client"]));
    assert.equal(program.stderr(), "");
  });

  Deno.test(`without a certificate the error to initialize says what to do, and nothing got in (${version})`, async () => {
    await using server = await startClientTlsServer({ version });
    await using program = startProxy(server.url, { args: TRUST });
    // The server says so in TLS's words, which may be lost when it closes the connection at once.
    await assert.rejects(program.initialize(), /-3100[27] /);
    const { error } = program.messages[0]!;
    assert.match(error?.data.hint, /--client-cert/);
    assert.match(error?.data.hint, /--client-key/);
    assert.deepEqual(server.clients, []);
  });

  Deno.test(`a certificate that the server does not accept is suspected by name (${version})`, async () => {
    await using server = await startClientTlsServer({ version });
    await using program = startProxy(server.url, { args: [...TRUST, ...identity("foreign_client")] });
    await assert.rejects(program.initialize(), /-3100[27] /);
    assert.match(program.messages[0]!.error?.data.hint, /--client-cert/);
    assert.deepEqual(server.clients, []);
  });
}

Deno.test("test shows the certificate too, and says what is missing without it", async () => {
  await using server = await startClientTlsServer();
  const known = await runCli(["test", "--json", ...TRUST, ...CLIENT, server.url]);
  assert.equal(known.code, 0, known.stdout);
  assert.ok(server.clients.includes("test client"));
  const unknown = await runCli(["test", "--json", ...TRUST, server.url]);
  assert.equal(unknown.code, 3, unknown.stdout);
  const [problem] = JSON.parse(unknown.stdout).problems;
  assert.match(`${problem.message} ${problem.hint}`, /the server wants a client certificate/);
});

Deno.test("the certificate may come from the environment, and lie in one file with its key", async () => {
  await using server = await startClientTlsServer();
  const file = await Deno.makeTempFile({ suffix: ".pem" });
  try {
    await Deno.writeTextFile(file, tlsFile("client_key.pem") + tlsFile("client.pem"));
    await using program = await proxied(server.url, {
      args: TRUST,
      env: { MCP_CONNECT_CLIENT_CERT: file, MCP_CONNECT_CLIENT_KEY: file },
    });
    assert.deepEqual((await program.request("ping")).result, {});
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("another origin that the server redirects to is shown no certificate", async () => {
  await using other = await startClientTlsServer({ strict: false });
  await using server = await startClientTlsServer({ redirect: other.url });
  await using program = await proxied(server.url, { args: [...TRUST, ...CLIENT] });
  assert.deepEqual((await program.request("ping")).result, {});
  assert.equal(server.clients[0], "test client");
  assert.ok(other.clients.length >= 3);
  assert.deepEqual(new Set(other.clients), new Set([undefined]));
});

Deno.test("wrong certificates and keys are usage errors, and show no key", async () => {
  const table: [args: string[], line: RegExp][] = [
    [["--client-cert", `${DIRECTORY}client.pem`], /--client-cert needs --client-key too/],
    [["--client-key", `${DIRECTORY}client_key.pem`], /--client-key needs --client-cert too/],
    [identity("client_key", "client"), /swapped/],
    [identity("client", "client_key_encrypted"), /is encrypted.*openssl pkey/],
    [identity("client", "foreign_client_key"), /the key of --client-key does not belong to the certificate/],
    [identity("client", "no_such_file"), /--client-key: .*no_such_file\.pem does not exist/],
  ];
  const secret = tlsFile("client_key.pem").split("\n")[1]!;
  await Promise.all(table.map(async ([args, line]) => {
    const { code, stdout, stderr } = await runCli(["proxy", ...args, "https://localhost:1/"]);
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.match(stderr, line);
    assert.equal(stderr.trimEnd().split("\n").length, 1);
    assert.ok(!stderr.includes(secret));
  }));
});

Deno.test("a certificate for an endpoint without TLS is of no use, and says so", async () => {
  await using server = await startRawServer();
  await using program = await proxied(server.url, { args: CLIENT });
  assert.match(program.stderr(), /--client-cert is shown to https endpoints only/);
});
