import { strictEqual } from "node:assert/strict";
import { type ConnectCheck, connectCheck } from "../../../src/link/http/connect_check.ts";
import { collectedLog } from "../../support/collected_log.ts";
import { fullBacklog } from "../../support/full_backlog.ts";

const IDLE_MS = 300;

function check(connectTimeoutMs = 5000): ConnectCheck {
  return connectCheck({
    endpoint: "E",
    connectTimeoutMs,
    caCerts: [],
    idleMs: IDLE_MS,
    logger: collectedLog().logger,
  });
}

/** Counts connections to a port of this machine. */
function counting() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const it = { url: new URL(`http://127.0.0.1:${listener.addr.port}/`), count: 0 };
  const accepting = (async () => {
    for await (const connection of listener) {
      it.count++;
      connection.close();
    }
  })();
  return Object.assign(it, {
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
    },
  });
}

const never = new AbortController().signal;

Deno.test("a server is connected to before the first requests, once for all of them, and not again while it is known", async () => {
  await using server = counting();
  const { before, note } = check();
  const results = await Promise.all([before(server.url, never), before(server.url, never)]);
  strictEqual(results.join(), ",");
  strictEqual(await before(server.url, never), undefined);
  strictEqual(server.count, 1);
  note(server.url, true);
  strictEqual(await before(server.url, never), undefined);
  strictEqual(server.count, 1);
});

Deno.test("a server is connected to anew after a failure, and once no connection to it can be left", async () => {
  await using server = counting();
  const { before, note } = check();
  await before(server.url, never);
  note(server.url, false);
  await before(server.url, never);
  strictEqual(server.count, 2);
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS + 50));
  await before(server.url, never);
  strictEqual(server.count, 3);
});

Deno.test("whoever gives up a request does not wait for the connection (Linux)", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  using full = await fullBacklog();
  const url = new URL(`http://127.0.0.1:${full.port}/`);
  const { before } = check(1500);
  const abort = new AbortController();
  const other = before(url, never);
  const start = performance.now();
  setTimeout(() => abort.abort(), 50);
  strictEqual(await before(url, abort.signal), undefined);
  strictEqual(performance.now() - start < 1000, true);
  strictEqual((await other)?.code, "CONNECT_TIMEOUT");
});
