import assert from "node:assert/strict";
import { openTcp, openUnix } from "../../../src/link/socket/open_socket.ts";
import { connectError } from "../../../src/link/socket/connect_error.ts";
import { LinkError } from "../../../src/link/link_error.ts";
import type { Link, OpenLink } from "../../../src/link/link.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const never = () => new AbortController().signal;
const isWindows = Deno.build.os === "windows";

interface Listening {
  readonly open: OpenLink;
  readonly listener: { accept(): Promise<Deno.Conn>; close(): void };
  end(): Promise<void>;
}

function tcp(hostname = "127.0.0.1", connectTo = hostname): Listening {
  const listener = Deno.listen({ hostname, port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  return {
    listener,
    open: openTcp({ hostname: connectTo, port }),
    end: () => Promise.resolve(listener.close()),
  };
}

async function unixSocket(): Promise<Listening> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/s.sock`;
  const listener = Deno.listen({ transport: "unix", path });
  return {
    listener,
    open: openUnix({ path }),
    async end() {
      listener.close();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

const KINDS: readonly [name: string, listen: () => Listening | Promise<Listening>, ignore: boolean][] = [
  ["TCP", tcp, false],
  ["a Unix socket", unixSocket, isWindows],
];

async function connected({ open, listener }: Listening): Promise<[Link, Deno.Conn]> {
  return await Promise.all([open(never()), listener.accept()]);
}

async function readAll(link: Link): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let chunk = await link.read(); chunk !== null; chunk = await link.read()) {
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

for (const [kind, listen, ignore] of KINDS) {
  Deno.test(`${kind}: bytes pass both ways, more than any buffer holds`, { ignore }, async () => {
    const server = await listen();
    const [link, conn] = await connected(server);
    const echoed = conn.readable.pipeTo(conn.writable);
    const sent = new Uint8Array(5_000_000).map((_, i) => i * 7);
    const writing = link.write(sent);
    let received = 0;
    while (received < sent.length) {
      const chunk = await link.read();
      assert.ok(chunk !== null);
      for (const byte of chunk) {
        if (byte !== sent[received++]) throw new Error(`another byte at ${received}`);
      }
    }
    await writing;
    await link.close();
    await echoed;
    await server.end();
  });

  Deno.test(`${kind}: a write waits until the server reads`, { ignore }, async () => {
    const server = await listen();
    const [link, conn] = await connected(server);
    let written = false;
    const writing = link.write(new Uint8Array(50_000_000)).then(() => written = true);
    await new Promise((resolve) => setTimeout(resolve, 150));
    assert.equal(written, false);
    await link.close();
    await assert.rejects(writing, { code: "CLOSED" });
    conn.close();
    await server.end();
  });

  Deno.test(
    `${kind}: read gives null when the server ends its side, and the link still writes`,
    { ignore },
    async () => {
      const server = await listen();
      const [link, conn] = await connected(server);
      await conn.write(bytes("last words"));
      await (conn as Deno.TcpConn | Deno.UnixConn).closeWrite();
      assert.equal(await readAll(link), "last words");
      await link.write(bytes("thanks"));
      const buffer = new Uint8Array(10);
      assert.equal(await conn.read(buffer), 6);
      await link.close();
      assert.equal(await conn.read(buffer), null);
      conn.close();
      await server.end();
    },
  );

  Deno.test(`${kind}: writing to a server that is gone rejects with CLOSED`, { ignore }, async () => {
    const server = await listen();
    const [link, conn] = await connected(server);
    conn.close();
    await assert.rejects(
      (async () => {
        for (;;) await link.write(new Uint8Array(100_000));
      })(),
      (error) => {
        assert.ok(error instanceof LinkError);
        assert.equal(error.code, "CLOSED");
        assert.ok(error.message.startsWith(link.name), error.message);
        return true;
      },
    );
    await link.close();
    await server.end();
  });

  Deno.test(`${kind}: close is idempotent and ends a pending read`, { ignore }, async () => {
    const server = await listen();
    const [link, conn] = await connected(server);
    const read = link.read();
    await link.close();
    await link.close();
    assert.equal(await read, null);
    assert.equal(await link.read(), null);
    await assert.rejects(link.write(bytes("x")), { code: "CLOSED" });
    conn.close();
    await server.end();
  });

  Deno.test(`${kind}: a signal that aborts after the opening leaves the link alone`, { ignore }, async () => {
    const server = await listen();
    const controller = new AbortController();
    const [link, conn] = await Promise.all([server.open(controller.signal), server.listener.accept()]);
    controller.abort();
    await link.write(bytes("alive"));
    assert.equal(await conn.read(new Uint8Array(9)), 5);
    await link.close();
    conn.close();
    await server.end();
  });

  Deno.test(`${kind}: an aborted signal opens nothing and leaves nothing open`, { ignore }, async () => {
    const server = await listen();
    const reason = new Error("no more");
    await assert.rejects(server.open(AbortSignal.abort(reason)), reason);
    const controller = new AbortController();
    const opening = server.open(controller.signal);
    controller.abort(reason);
    await assert.rejects(opening, reason);
    await server.end();
  });

  Deno.test(`${kind}: a timeout signal rejects with TIMEOUT`, { ignore }, async () => {
    const server = await listen();
    const controller = new AbortController();
    const opening = server.open(controller.signal);
    controller.abort(new DOMException("late", "TimeoutError"));
    await assert.rejects(opening, (error) => {
      assert.ok(error instanceof LinkError);
      assert.equal(error.code, "TIMEOUT");
      assert.match(error.message, /^(tcp|unix):.* did not answer in time$/);
      return true;
    });
    await server.end();
  });
}

Deno.test("TCP: a small write right after another is not held back", async () => {
  const server = tcp();
  const [link, conn] = await connected(server);
  const buffer = new Uint8Array(10);
  const times: number[] = [];
  for (let i = 0; i < 15; i++) {
    const start = performance.now();
    await link.write(bytes("a"));
    await link.write(bytes("b"));
    let got = 0;
    while (got < 2) got += await conn.read(buffer) ?? 0;
    await conn.write(bytes("ok"));
    await link.read();
    times.push(performance.now() - start);
  }
  // With Nagle's algorithm on each takes 40 ms.
  assert.ok(times.sort((a, b) => a - b)[7]! < 20, String(times));
  await link.close();
  conn.close();
  await server.end();
});

Deno.test("TCP: localhost reaches a server of either family", async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    const server = tcp(hostname, "localhost");
    const [link, conn] = await connected(server);
    await link.close();
    conn.close();
    await server.end();
  }
});

Deno.test("TCP: an IPv6 address is a host", async () => {
  const server = tcp("::1");
  const [link, conn] = await connected(server);
  assert.match(link.name, /^tcp:\/\/\[::1\]:\d+$/);
  await link.close();
  conn.close();
  await server.end();
});

async function freePort(): Promise<number> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  return await Promise.resolve(port);
}

async function failure(opening: Promise<Link>): Promise<LinkError> {
  const error = await opening.then(() => undefined, (error) => error);
  assert.ok(error instanceof LinkError, String(error));
  return error;
}

Deno.test("TCP: an address is connected to in place of the name, which errors still tell", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.2", port: 0 });
  const address = { hostname: "127.0.0.2", port: listener.addr.port };
  const name = { hostname: "nowhere.invalid", port: 9 };
  const [link, conn] = await Promise.all([openTcp(name, address)(never()), listener.accept()]);
  assert.equal(link.name, "tcp://nowhere.invalid:9");
  await link.close();
  conn.close();
  listener.close();
  await assert.rejects(
    openTcp(name, address)(never()),
    (error) =>
      error instanceof LinkError && error.code === "REFUSED" && /nowhere\.invalid:9/.test(error.message),
  );
});

Deno.test("TCP: nobody listens, no such host, no such port", async () => {
  const port = await freePort();
  const refused = await failure(openTcp({ hostname: "127.0.0.1", port })(never()));
  assert.equal(refused.code, "REFUSED");
  assert.equal(refused.message, `tcp://127.0.0.1:${port} refused the connection`);
  assert.equal(refused.hint, "Is the server running?");
  const nowhere = await failure(openTcp({ hostname: "no-such-host.invalid", port: 80 })(never()));
  assert.equal(nowhere.code, "NOT_FOUND");
  assert.equal(nowhere.message, "no such host: tcp://no-such-host.invalid:80");
  assert.equal((await failure(openTcp({ hostname: "127.0.0.1", port: 0 })(never()))).code, "INVALID");
});

Deno.test("Unix: no such file, a file that is no socket, a socket nobody listens on, too long a path", {
  ignore: isWindows,
}, async () => {
  const directory = await Deno.makeTempDir();
  const none = await failure(openUnix({ path: `${directory}/none` })(never()));
  assert.equal(none.code, "NOT_FOUND");
  assert.equal(none.message, `there is no socket file for unix:${directory}/none`);
  await Deno.writeTextFile(`${directory}/plain`, "");
  const plain = await failure(openUnix({ path: `${directory}/plain` })(never()));
  assert.ok(["REFUSED", "UNREACHABLE"].includes(plain.code), plain.code);
  const long = await failure(openUnix({ path: `${directory}/${"x".repeat(200)}` })(never()));
  assert.equal(long.code, "INVALID");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("connectError keeps the system's words for what it does not know", () => {
  const error = connectError(new Error("Network is unreachable (os error 101)"), "tcp://h:1", never());
  assert.ok(error instanceof LinkError);
  assert.equal(error.code, "UNREACHABLE");
  assert.equal(error.message, "tcp://h:1 can't be reached: Network is unreachable (os error 101)");
});

const OPENER = new URL("opener.ts", import.meta.url);

async function openWith(flags: string[], ...endpoint: string[]): Promise<Record<string, string>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", ...flags, OPENER.href, ...endpoint],
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("TCP: the permission for the one address is enough, and named when it is missing", async () => {
  const server = tcp();
  const { port } = (server.listener as Deno.TcpListener).addr as Deno.NetAddr;
  const accepting = server.listener.accept();
  assert.deepEqual(await openWith([`--allow-net=127.0.0.1:${port}`], "127.0.0.1", String(port)), {
    opened: "yes",
  });
  (await accepting).close();
  for (const flags of [[], ["--allow-net=127.0.0.1:1"]]) {
    const error = await openWith(flags, "127.0.0.1", String(port));
    assert.equal(error.code, "PERMISSION");
    assert.equal(error.hint, `Run with --allow-net=127.0.0.1:${port}.`);
  }
  const sixth = await openWith([], "::1", "80");
  assert.equal(sixth.hint, "Run with --allow-net=[::1]:80.");
  await server.end();
});

Deno.test("Unix: the permissions for the one path are enough, and named when one is missing", {
  ignore: isWindows,
}, async () => {
  const server = await unixSocket();
  const { path } = (server.listener as Deno.UnixListener).addr as Deno.UnixAddr;
  const flags = [`--allow-read=${path}`, `--allow-write=${path}`, `--allow-net=unix:${path}`];
  const accepting = server.listener.accept();
  assert.deepEqual(await openWith(flags, path), { opened: "yes" });
  (await accepting).close();
  for (let missing = 0; missing < 3; missing++) {
    const error = await openWith(flags.filter((_, index) => index !== missing), path);
    assert.equal(error.code, "PERMISSION");
    assert.equal(error.hint, `Run with ${flags.join(" ")}.`);
  }
  await server.end();
});
