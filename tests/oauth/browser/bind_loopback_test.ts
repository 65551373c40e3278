import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { bindLoopback, type Listen } from "../../../src/oauth/browser/bind_loopback.ts";
import { BrowserError } from "../../../src/oauth/browser/browser_error.ts";

const hasV6 = (() => {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return true;
  } catch {
    return false;
  }
})();

Deno.test("bindLoopback gives one port on every loopback address, and on no other", async () => {
  const { port, v4, listeners } = bindLoopback(0);
  try {
    ok(v4);
    const names = listeners.map(({ addr }) => `${addr.hostname} ${addr.port}`);
    deepStrictEqual(names, [`127.0.0.1 ${port}`, ...(hasV6 ? [`::1 ${port}`] : [])]);
    for (const { addr: { hostname } } of listeners) (await Deno.connect({ hostname, port })).close();
  } finally {
    listeners.forEach((it) => it.close());
  }
});

Deno.test("a port that another program has is named, and nothing stays bound", () => {
  using other = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = other.addr;
  throws(() => bindLoopback(port), (error) => {
    ok(error instanceof BrowserError);
    strictEqual(error.code, "PORT_IN_USE");
    ok(error.message.includes(`port ${port} is in use`));
    return true;
  });
});

Deno.test("another program on ::1 does not get what was meant for us", { ignore: !hasV6 }, () => {
  using other = Deno.listen({ hostname: "::1", port: 0 });
  throws(() => bindLoopback(other.addr.port), { code: "PORT_IN_USE" });
  // And what was bound before that was found is free again.
  Deno.listen({ hostname: "127.0.0.1", port: other.addr.port }).close();
});

/** Listens for real, unless `fails` has an error for the address. */
function listening(fails: (hostname: string, count: number) => Error | undefined) {
  const open = new Set<Deno.TcpListener>();
  let count = 0;
  const listen: Listen = ({ hostname, port }) => {
    const error = fails(hostname, ++count);
    if (error !== undefined) throw error;
    const listener = {
      addr: { transport: "tcp", hostname, port: port || 5000 + count },
      close: () => open.delete(listener),
    } as unknown as Deno.TcpListener;
    open.add(listener);
    return listener;
  };
  return { listen, open, count: () => count };
}

Deno.test("any port is tried again when only one of the two addresses was free", () => {
  const it = listening((hostname, count) =>
    hostname === "::1" && count < 5 ? new Deno.errors.AddrInUse("in use") : undefined
  );
  const { port, listeners } = bindLoopback(0, it.listen);
  strictEqual(port, 5005);
  deepStrictEqual([...it.open], [...listeners]);
});

Deno.test("any port is tried again where the system keeps one for itself", () => {
  const it = listening((_hostname, count) =>
    count < 4 ? new Deno.errors.PermissionDenied("10013") : undefined
  );
  strictEqual(bindLoopback(0, it.listen).port, 5004);
});

Deno.test("bindLoopback does not try for ever", () => {
  const it = listening(() => new Deno.errors.AddrInUse("in use"));
  throws(() => bindLoopback(0, it.listen), { code: "PORT_IN_USE" });
  ok(it.count() < 100);
});

Deno.test("a port that the system forbids is named", () => {
  const it = listening(() => new Deno.errors.PermissionDenied("10013"));
  throws(() => bindLoopback(80, it.listen), { code: "PORT_FORBIDDEN" });
});

Deno.test("one address is enough where the machine has but one", () => {
  const missing = new Deno.errors.AddrNotAvailable("no such address");
  const v4 = bindLoopback(0, listening((hostname) => hostname === "::1" ? missing : undefined).listen);
  deepStrictEqual([v4.v4, v4.listeners.length], [true, 1]);
  const v6 = bindLoopback(0, listening((hostname) => hostname === "127.0.0.1" ? missing : undefined).listen);
  deepStrictEqual([v6.v4, v6.listeners.length], [false, 1]);
  throws(() => bindLoopback(0, listening(() => missing).listen), { code: "NO_LOOPBACK" });
});

Deno.test({
  name: "bindLoopback says which permission is missing, and does not ask for it",
  permissions: { net: false },
  fn: () => {
    throws(() => bindLoopback(0), { code: "PERMISSION", message: /--allow-net=127\.0\.0\.1 is missing/ });
    throws(() => bindLoopback(7000), {
      code: "PERMISSION",
      message: /--allow-net=127\.0\.0\.1:7000 is missing/,
    });
  },
});

Deno.test({
  name: "the permission for 127.0.0.1 alone is enough",
  permissions: { net: ["127.0.0.1"] },
  fn: () => {
    const { listeners } = bindLoopback(0);
    strictEqual(listeners.length, 1);
    listeners[0]!.close();
  },
});

Deno.test({
  name: "the permission for one port is enough when it is that port",
  permissions: { net: ["127.0.0.1:48391", "[::1]:48391"] },
  fn: () => {
    throws(() => bindLoopback(0), { code: "PERMISSION" });
    const it = listening(() => undefined);
    strictEqual(bindLoopback(48391, it.listen).listeners.length, 2);
  },
});
