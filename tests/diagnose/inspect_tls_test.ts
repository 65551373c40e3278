import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { inspectConnection } from "../../src/diagnose/inspect_tls.ts";
import { selfSigned } from "./self_signed.ts";

function serve(options: { cert?: string; key?: string }) {
  return Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    onListen() {},
    ...options as { cert: string; key: string },
  }, () => new Response());
}

Deno.test("inspectConnection shows a certificate that nobody trusts", async () => {
  await using server = serve(await selfSigned(30));
  const { connectMs, certificate } = await inspectConnection(
    new URL(`https://localhost:${server.addr.port}/`),
    5000,
  );
  ok(connectMs !== null && connectMs > 0);
  strictEqual(certificate?.subject, "CN=localhost, O=Test");
  strictEqual(certificate.issuer, "CN=localhost, O=Test");
  ok(certificate.daysLeft === 29 || certificate.daysLeft === 30, String(certificate.daysLeft));
  match(certificate.validTo!, /^\d{4}-\d\d-\d\dT/);
  match(certificate.protocol!, /^TLSv1/);
});

Deno.test("inspectConnection shows an expired certificate", async () => {
  await using server = serve(await selfSigned(-3));
  const { certificate } = await inspectConnection(new URL(`https://127.0.0.1:${server.addr.port}/`), 5000);
  ok(certificate !== null && certificate.daysLeft! < 0);
});

Deno.test("inspectConnection measures plain HTTP too", async () => {
  await using server = serve({});
  const { connectMs, certificate } = await inspectConnection(
    new URL(`http://127.0.0.1:${server.addr.port}/`),
    5000,
  );
  ok(connectMs !== null);
  strictEqual(certificate, null);
});

Deno.test("inspectConnection gives nothing where nobody listens, or nobody answers", async () => {
  const nothing = { connectMs: null, certificate: null };
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr;
  closed.close();
  deepStrictEqual(await inspectConnection(new URL(`https://127.0.0.1:${port}/`), 5000), nothing);
  deepStrictEqual(await inspectConnection(new URL(`http://127.0.0.1:${port}/`), 5000), nothing);
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  deepStrictEqual(await inspectConnection(new URL(`https://127.0.0.1:${silent.addr.port}/`), 50), nothing);
});
