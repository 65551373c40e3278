import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import type { PoolSnapshot, UpstreamState } from "../../../src/balance/snapshot.ts";
import { startStatusServer, type StatusServer } from "../../../src/balance/status/status_server.ts";
import { UPSTREAM_STATES } from "../../../src/balance/status/upstream_states.ts";
import { LinkError } from "../../../src/link/link_error.ts";
import { rawConnect, rawRequest } from "../../oauth/browser/raw_request.ts";
import { type CollectedLog, collectedLog } from "../../support/collected_log.ts";
import { createEventReader } from "./event_reader.ts";
import { madePool, madeUpstream, NASTY } from "./made_snapshot.ts";
import { parseMetrics } from "./parse_metrics.ts";

const EVERY_STATE = madePool(
  (Object.keys(UPSTREAM_STATES) as UpstreamState[]).map((state) =>
    madeUpstream(`http://${state}.example/mcp`, { state, latency: { p50: 1, p95: 2.5, p99: 3 } })
  ),
);

interface Served extends AsyncDisposable {
  readonly server: StatusServer;
  readonly port: number;
  readonly log: CollectedLog;
  /** What is shown from now on. */
  pool: PoolSnapshot;
  /** How often that was asked for. */
  asked: number;
}

async function serve(
  pool: PoolSnapshot = EVERY_STATE,
  { hostname = "127.0.0.1", snapshot }: { hostname?: string; snapshot?: () => PoolSnapshot } = {},
): Promise<Served> {
  const log = collectedLog();
  const server = await startStatusServer({
    hostname,
    port: 0,
    snapshot: snapshot ?? (() => {
      served.asked++;
      return served.pool;
    }),
    logger: log.logger,
  });
  const served: Served = {
    server,
    port: Number(new URL(server.url).port),
    log,
    pool,
    asked: 0,
    [Symbol.asyncDispose]: () => server.close(),
  };
  return served;
}

/** What comes on a connection of its own. */
async function ask(port: number, path: string, { method = "GET", host = `127.0.0.1:${port}` } = {}) {
  const hostLine = host === "" ? "" : `Host: ${host}\r\n`;
  const response = await rawRequest(
    port,
    `${method} ${path} HTTP/1.1\r\n${hostLine}Connection: close\r\n\r\n`,
  );
  ok(response !== undefined, `no HTTP in answer to ${method} ${path}`);
  return response;
}

const GOOD_PATHS = ["/", "/status.json", "/metrics", "/healthz", "/readyz"];

Deno.test("status.json has the whole snapshot, in every state and with every name", async () => {
  const pool = madePool(
    [...EVERY_STATE.upstreams, ...NASTY.map((name) => madeUpstream(name, { state: "down", why: name }))],
    { ready: false },
  );
  await using served = await serve(pool);
  const { status, headers, body } = await ask(served.port, "/status.json");
  strictEqual(status, 200);
  strictEqual(headers.get("Content-Type"), "application/json");
  deepStrictEqual(
    JSON.parse(body, (_key, value) => value === "+Inf" ? Infinity : value),
    pool,
  );
});

Deno.test("metrics are of the moment they are asked for", async () => {
  await using served = await serve(madePool([madeUpstream("a", { requests: 1 })]));
  const requests = async () => {
    const { status, headers, body } = await ask(served.port, "/metrics");
    strictEqual(status, 200);
    strictEqual(headers.get("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    return parseMetrics(body).get("mcp_connect_upstream_requests_total")!.samples[0]!.value;
  };
  strictEqual(await requests(), 1);
  served.pool = madePool([madeUpstream("a", { requests: 2 })]);
  strictEqual(await requests(), 2);
});

Deno.test("healthz is well whatever the upstreams are; readyz follows them", async () => {
  await using served = await serve();
  strictEqual((await ask(served.port, "/readyz")).status, 200);
  strictEqual((await ask(served.port, "/readyz")).body, "ready\n");
  served.pool = madePool([madeUpstream("http://a/", { state: "down", why: "connection refused" })], {
    ready: false,
  });
  const { status, body } = await ask(served.port, "/readyz");
  strictEqual(status, 503);
  strictEqual(
    body,
    "Not ready: no upstream takes requests: http://a/ is down (connection refused).\n",
  );
  strictEqual((await ask(served.port, "/healthz")).status, 200);
  strictEqual((await ask(served.port, "/healthz")).body, "ok\n");
});

Deno.test("what follows a question mark changes nothing", async () => {
  await using served = await serve();
  strictEqual((await ask(served.port, "/healthz?x=/metrics")).body, "ok\n");
  match((await ask(served.port, "/?x")).body, /^<!DOCTYPE html>/);
});

Deno.test("where there is nothing, one is told what there is", async () => {
  await using served = await serve();
  for (const path of ["/favicon.ico", "/status", "/metrics/", "//", "/../etc/passwd", "/%2e"]) {
    const { status, body } = await ask(served.port, path);
    strictEqual(status, 404, path);
    for (const there of [...GOOD_PATHS, "/events"]) ok(body.includes(there), there);
    ok(body.length < 200);
  }
});

Deno.test("HEAD has the headers of GET, and no body", async () => {
  await using served = await serve();
  const kept = (headers: Headers) => Object.fromEntries([...headers].filter(([name]) => name !== "date"));
  for (const path of [...GOOD_PATHS, "/nothing"]) {
    const get = await ask(served.port, path);
    const head = await ask(served.port, path, { method: "HEAD" });
    strictEqual(head.status, get.status, path);
    strictEqual(head.body, "", path);
    deepStrictEqual(kept(head.headers), kept(get.headers), path);
  }
  const events = await ask(served.port, "/events", { method: "HEAD" });
  strictEqual(events.status, 200);
  match(events.headers.get("Content-Type")!, /^text\/event-stream/);
});

Deno.test("no method but GET and HEAD is answered, and no preflight", async () => {
  await using served = await serve();
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"]) {
    for (const path of ["/", "/events", "/nothing"]) {
      const { status, headers } = await ask(served.port, path, { method });
      strictEqual(status, 405, method);
      strictEqual(headers.get("Allow"), "GET, HEAD");
      ok(![...headers.keys()].some((name) => name.startsWith("access-control-")));
    }
  }
  strictEqual(served.asked, 0);
});

Deno.test("on loopback, only a Host that is loopback is answered", async () => {
  await using served = await serve();
  for (const path of [...GOOD_PATHS, "/events", "/nothing"]) {
    for (const host of ["rebound.example", `rebound.example:${served.port}`, "10.0.0.1", ""]) {
      const { status, body } = await ask(served.port, path, { host });
      // A request without Host is none, by RFC 9112 section 3.2.
      ok(status === 403 || (host === "" && status === 400), `${path} ${host}: ${status}`);
      ok(!body.includes("example/mcp"));
    }
  }
  strictEqual(served.asked, 0);
  for (const host of ["localhost", `LOCALHOST:${served.port}`, "127.0.0.1", "127.9.9.9:1", "[::1]"]) {
    strictEqual((await ask(served.port, "/status.json", { host })).status, 200, host);
  }
});

Deno.test("a Host cannot be smuggled in beside the real one", async () => {
  await using served = await serve();
  const texts = [
    "GET http://localhost/status.json HTTP/1.1\r\nHost: rebound.example\r\nConnection: close\r\n\r\n",
    "GET /status.json HTTP/1.1\r\nHost: rebound.example\r\nHost: localhost\r\nConnection: close\r\n\r\n",
    "GET /status.json HTTP/1.1\r\nHost: localhost\r\nHost: rebound.example\r\nConnection: close\r\n\r\n",
    "GET /status.json HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n",
    "GET /status.json HTTP/1.0\r\n\r\n",
  ];
  for (const text of texts) {
    const response = await rawRequest(served.port, text);
    ok(response === undefined || response.status === 403 || response.status === 400, text);
  }
  strictEqual(served.asked, 0);
});

Deno.test("IPv6 loopback is loopback", {
  ignore: !await hasIpv6(),
}, async () => {
  await using served = await serve(EVERY_STATE, { hostname: "::1" });
  strictEqual(served.server.url, `http://[::1]:${served.port}/`);
  const text = (host: string) => `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  strictEqual((await rawRequest(served.port, text(`[::1]:${served.port}`), "::1"))?.status, 200);
  strictEqual((await rawRequest(served.port, text("rebound.example"), "::1"))?.status, 403);
});

Deno.test("beyond loopback any Host is answered, and the log warns", async () => {
  await using served = await serve(EVERY_STATE, { hostname: "0.0.0.0" });
  strictEqual(served.server.url, `http://127.0.0.1:${served.port}/`);
  strictEqual((await ask(served.port, "/healthz", { host: "status.example" })).status, 200);
  for (const host of ["", "a b", "/", "[", "%"]) {
    const { status } = await ask(served.port, "/healthz", { host });
    ok(status < 500, `${host}: ${status}`);
  }
  const [warning = ""] = served.log.messages("warn");
  match(warning, /beyond this machine/);
});

Deno.test("every answer keeps to itself: no caching, no other site, no guessing of types", async () => {
  await using served = await serve();
  const answers = [
    ...await Promise.all([...GOOD_PATHS, "/nothing"].map((path) => ask(served.port, path))),
    await ask(served.port, "/", { method: "POST" }),
    await ask(served.port, "/", { host: "rebound.example" }),
    await ask(served.port, "/events", { method: "HEAD" }),
  ];
  for (const { headers } of answers) {
    strictEqual(headers.get("Cache-Control"), "no-store");
    strictEqual(headers.get("X-Content-Type-Options"), "nosniff");
    strictEqual(headers.get("Referrer-Policy"), "no-referrer");
    strictEqual(headers.get("Cross-Origin-Resource-Policy"), "same-origin");
    match(headers.get("Content-Security-Policy")!, /^default-src 'none';.*frame-ancestors 'none'/);
    ok(![...headers.keys()].some((name) => name.startsWith("access-control-")));
  }
});

Deno.test("the page's policy allows its own script and style, and names no other source", async () => {
  await using served = await serve();
  const { headers, body } = await ask(served.port, "/");
  const policy = new Map(
    headers.get("Content-Security-Policy")!.split("; ").map((it) => {
      const [name, ...values] = it.split(" ");
      return [name!, values.join(" ")];
    }),
  );
  const hashOf = async (tag: string) => {
    const parts = [...body.matchAll(new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`, "g"))];
    strictEqual(parts.length, 1, tag);
    const bytes = new TextEncoder().encode(parts[0]![1]);
    return `'sha256-${new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toBase64()}'`;
  };
  deepStrictEqual(Object.fromEntries(policy), {
    "default-src": "'none'",
    "script-src": await hashOf("script"),
    "style-src": await hashOf("style"),
    "connect-src": "'self'",
    "img-src": "data:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
  });
  ok(
    !/\bstyle=|\bon[a-z]+=|(?:src|href)="(?!data:|[a-z.]+")/.test(body.replace(/<script>[^]*<\/script>/, "")),
  );
});

Deno.test("events bring the snapshot at once and then each second, as it is by then", async () => {
  let requests = 1;
  await using served = await serve(EVERY_STATE, {
    snapshot: () =>
      madePool([madeUpstream("a", { requests, why: NASTY.join("\n") })], { takenAt: performance.now() }),
  });
  const response = await fetch(`${served.server.url}events`);
  strictEqual(response.status, 200);
  match(response.headers.get("Content-Type")!, /^text\/event-stream/);
  const events = createEventReader(response.body!);
  const next = async () => JSON.parse((await events.next())!) as PoolSnapshot;
  const first = await next();
  strictEqual(first.upstreams[0]!.requests, 1);
  requests = 2;
  let last = await next();
  ok(last.takenAt - first.takenAt > 900, `only ${last.takenAt - first.takenAt} ms between two events`);
  while (last.upstreams[0]!.requests === 1) last = await next();
  strictEqual(last.upstreams[0]!.requests, 2);
  await events.cancel();
});

Deno.test("sixteen listen; the next is sent away until one has gone", async () => {
  await using served = await serve();
  const open = await Promise.all(
    Array.from(
      { length: 16 },
      async () => createEventReader((await fetch(`${served.server.url}events`)).body!),
    ),
  );
  await Promise.all(open.map((events) => events.next()));
  const { status, headers, body } = await ask(served.port, "/events");
  strictEqual(status, 503);
  strictEqual(headers.get("Retry-After"), "5");
  match(body, /16 listen already/);
  strictEqual((await ask(served.port, "/events", { method: "HEAD" })).status, 200);
  await open.pop()!.cancel();
  await untilFree(served.port, 1);
  await Promise.all(open.map((events) => events.cancel()));
});

Deno.test("a snapshot that can't be made is a 500, is logged, and ends nothing", async () => {
  let broken = true;
  await using served = await serve(EVERY_STATE, {
    snapshot: () => {
      if (broken) throw new Error("the pool is upside down");
      return EVERY_STATE;
    },
  });
  for (const path of ["/status.json", "/metrics", "/readyz"]) {
    const { status, body } = await ask(served.port, path);
    strictEqual(status, 500);
    ok(!body.includes("upside down"), body);
  }
  strictEqual(served.log.messages("error").length, 3);
  match(JSON.stringify(served.log.records), /upside down/);
  strictEqual((await ask(served.port, "/")).status, 200);
  strictEqual((await ask(served.port, "/healthz")).status, 200);
  broken = false;
  strictEqual((await ask(served.port, "/status.json")).status, 200);
});

Deno.test("closing ends open streams, kept connections and half a request at once, and frees the port", async () => {
  const served = await serve();
  const line = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  using events = await rawConnect(served.port, line("/events"));
  using kept = await rawConnect(served.port, line("/healthz"));
  using half = await rawConnect(served.port, "GET /healthz HT");
  const reader = createEventReader((await fetch(`${served.server.url}events`)).body!);
  await reader.next();
  const start = performance.now();
  await served.server.close();
  const took = performance.now() - start;
  ok(took < 1000, `it took ${took} ms`);
  match((await events.response)!.body, /data: /);
  strictEqual((await kept.response)?.status, 200);
  await half.response;
  await reader.cancel().catch(() => {});
  await rejects(Deno.connect({ hostname: "127.0.0.1", port: served.port }));
  // A second time does nothing.
  await served.server.close();
});

Deno.test("a port that is taken is told of, with what to do", async () => {
  await using served = await serve();
  await rejects(
    startStatusServer({
      hostname: "127.0.0.1",
      port: served.port,
      snapshot: () => EVERY_STATE,
      logger: served.log.logger,
    }),
    (error: Error) => {
      strictEqual(
        error.message,
        `the status page can't be served at 127.0.0.1:${served.port}: another program uses that port; choose ` +
          "another one with --status-port",
      );
      return true;
    },
  );
});

Deno.test("an address that is none of this machine's is told of, with what to do", async () => {
  const { logger } = collectedLog();
  for (const hostname of ["192.0.2.1", "no.such.host.invalid"]) {
    await rejects(
      startStatusServer({ hostname, port: 0, snapshot: () => EVERY_STATE, logger }),
      (error: Error) => error.message.includes(hostname) && error.message.includes("--status-port"),
    );
  }
});

Deno.test("the missing permission is named, and nothing prompts", {
  permissions: { net: ["127.0.0.1:1"] },
}, async () => {
  const { logger } = collectedLog();
  for (const [hostname, host] of [["127.0.0.1", "127.0.0.1:9464"], ["::1", "[::1]:9464"]] as const) {
    await rejects(
      startStatusServer({ hostname, port: 9464, snapshot: () => EVERY_STATE, logger }),
      (error: unknown) => {
        ok(error instanceof LinkError);
        strictEqual(error.code, "PERMISSION");
        ok(error.message.includes(`--allow-net=${host}`), error.message);
        match(error.hint!, /--status-port/);
        return true;
      },
    );
  }
});

Deno.test("serving writes nothing but its own log, and needs no permission but the one for its address", async () => {
  await using program = startProgram(["--allow-net=127.0.0.1:0"]);
  const url = /url=(\S+)\n/.exec(await program.told(/url=http:\/\/127\.0\.0\.1:\d+\/\n/))![1]!;
  for (const path of ["", "status.json", "metrics", "readyz", "nothing"]) {
    await (await fetch(url + path)).text();
  }
  const events = createEventReader((await fetch(`${url}events`)).body!);
  await events.next();
  const { code, stdout, stderr } = await program.end();
  await events.cancel().catch(() => {});
  strictEqual(stdout, "");
  match(stderr, /^[^\n]+ INFO +the status page is served url=\S+\n$/);
  strictEqual(code, 0);
});

for (
  const [title, address, permissions] of [
    ["that can be read", "tcp:127.0.0.1:0", ["--allow-net", "--allow-env=DENO_SERVE_ADDRESS"]],
    ["that adds an address", "duplicate,tcp:127.0.0.1:0", ["--allow-net", "--allow-env=DENO_SERVE_ADDRESS"]],
    ["that can't be read", "tcp:0.0.0.0:0", ["--allow-net"]],
  ] as const
) {
  Deno.test(`a variable of Deno's ${title} does not move the page beyond its address`, async () => {
    await using program = startProgram(permissions, { DENO_SERVE_ADDRESS: address });
    const { code, stdout, stderr } = await program.end();
    strictEqual(stdout, "");
    match(stderr, /can't be served at 127\.0\.0\.1:0: the variable DENO_SERVE_ADDRESS .+--status-port/);
    strictEqual(code, 1);
  });
}

interface StartedProgram extends AsyncDisposable {
  /** What it wrote to stderr, once that matches. */
  told(pattern: RegExp): Promise<string>;
  /** Lets it close the server and end. */
  end(): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;
}

/** A program of its own that serves the status page until its stdin ends. */
function startProgram(permissions: readonly string[], env: Record<string, string> = {}): StartedProgram {
  const source = (path: string) => JSON.stringify(new URL(`../../../src/${path}`, import.meta.url));
  const script = `
    import { startStatusServer } from ${source("balance/status/status_server.ts")};
    import { createLogger } from ${source("telemetry/logger.ts")};
    const pool = { policy: "p", startedAt: 0, takenAt: 1, ready: true, upstreams: [] };
    const server = await startStatusServer({
      hostname: "127.0.0.1",
      port: 0,
      snapshot: () => pool,
      logger: createLogger({ level: "info", format: "text" }),
    });
    await Deno.stdin.read(new Uint8Array(1));
    await server.close();
  `;
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-config",
      ...permissions,
      `data:application/typescript,${encodeURIComponent(script)}`,
    ],
    env: { NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let stderr = "";
  let ended: ReturnType<StartedProgram["end"]> | undefined;
  const program: StartedProgram = {
    async told(pattern) {
      while (!pattern.test(stderr)) {
        const { value, done } = await reader.read();
        ok(!done, stderr);
        stderr += value;
      }
      return stderr;
    },
    end: () =>
      ended ??= (async () => {
        await child.stdin.close();
        for (let read = await reader.read(); !read.done; read = await reader.read()) stderr += read.value;
        const [{ code }, stdout] = await Promise.all([child.status, new Response(child.stdout).text()]);
        return { code, stdout, stderr };
      })(),
    [Symbol.asyncDispose]: async () => void await program.end(),
  };
  return program;
}

/** Waits until so many more may listen. */
async function untilFree(port: number, places: number): Promise<void> {
  for (const start = performance.now(); performance.now() - start < 10_000;) {
    const opened = await Promise.all(
      Array.from({ length: places }, () => fetch(`http://127.0.0.1:${port}/events`)),
    );
    const isFree = opened.every(({ status }) => status === 200);
    await Promise.all(opened.map(({ body }) => body?.cancel()));
    if (isFree) return;
  }
  throw new Error("no place became free");
}

async function hasIpv6(): Promise<boolean> {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return await Promise.resolve(true);
  } catch {
    return false;
  }
}
