/** The log as a person sees it: no secrets, no tricks, and lines that machines can read. */
import assert from "node:assert/strict";
import { isWindows } from "../link/child/processes.ts";
import { type Program, startProgram } from "../support/program.ts";
import { startRawLineServer } from "../support/raw_line_server.ts";
import { startRawServer } from "../support/raw_server.ts";

const TOKEN = "tok-8f3a9c27d1b64e50";
const API_KEY = "apikey-52c0ffee9d";
const HEADER = "hush-hush-7741-value";
const COOKIE = "sid=cookie-91827364";
const QUERY = "query-55aa55aa-secret";
const CREDENTIALS = [
  ...["--auth-token", TOKEN],
  ...["--api-key", API_KEY],
  ...["--header", `X-My-Secret: ${HEADER}`],
  ...["--header", `Cookie: ${COOKIE}`],
];
const SECRETS = [TOKEN, API_KEY, HEADER, COOKIE, QUERY];

/** Looks for secrets in all that the program wrote, answers of the server's own aside. */
function assertNoSecret(program: Program, secrets: readonly string[] = SECRETS): void {
  const own = program.messages.filter(({ method, error }) =>
    method === "notifications/message" || error?.data?.code !== undefined
  );
  for (const [where, text] of [["stderr", program.stderr()], ["stdout", JSON.stringify(own)]] as const) {
    for (const secret of secrets) {
      assert.ok(!text.includes(secret), `${where} has ${secret}: ${text}`);
      assert.ok(!text.includes(encodeURIComponent(secret)), `${where} has ${secret}, encoded`);
      assert.ok(!text.includes(btoa(secret)), `${where} has ${secret} in Base64`);
    }
  }
}

async function finish(program: Program): Promise<void> {
  await program.closeStdin();
  await program.status;
  await program.next(() => false).catch(() => {});
}

for (const format of ["text", "json"]) {
  Deno.test(`no secret is logged at trace level, whatever goes wrong (--log-format ${format})`, async () => {
    await using server = await startRawServer({ capabilities: { logging: {} }, get: "open" });
    // A server that gives back whatever it got is the worst that can happen to a log.
    const echo = () => {
      const seen = server.requests.at(-1)?.headerLines.join("\n") ?? "";
      return `${seen}\n?token=${QUERY}\n${SECRETS.slice(0, 4).join(" ")} ${server.sessions.at(-1)}`;
    };
    const statuses = [400, 401, 403, 404, 410, 429, 500, 503];
    for (const status of statuses) {
      server.on(
        `fail/${status}`,
        (_request, reply) => reply.status(status, echo(), { "www-authenticate": `Bearer error="${TOKEN}"` }),
      );
    }
    server.on("fail/html", (_request, reply) => reply.body(`<html>${echo()}`, { contentType: "text/html" }));
    server.on(
      "fail/junk",
      (_request, reply) => reply.body(`{"jsonrpc":"2.0","x":${JSON.stringify(echo())}}`),
    );
    server.on("fail/redirect", (_request, reply) => reply.redirect(`ftp://user:${TOKEN}@h/?token=${QUERY}`));
    server.on("fail/away", (_request, reply) => reply.redirect(`http://127.0.0.1:9/?access_token=${TOKEN}`));
    server.on("fail/events", (_request, reply) => reply.events([`not json ${echo()}`]));
    const args = ["--debug", "--log-level", "trace", "--log-format", format, "--retry-attempts", "0"];
    await using program = startProgram(["proxy", ...args, ...CREDENTIALS, `${server.url}?token=${QUERY}`]);
    await program.initialize();
    const [session = "none"] = server.sessions;
    const kinds = [...statuses, "html", "junk", "redirect", "away", "events"];
    for (const kind of kinds) {
      const { error } = await program.request(`fail/${kind}`);
      assert.ok(error !== undefined, `fail/${kind}`);
    }
    await program.notify("fail/500");
    await program.send(`{"jsonrpc":"2.0","id":"${"y".repeat(10)}","method":5}`);
    await finish(program);
    // It was all sent, and much was logged.
    const { headers, path } = server.calls("fail/500")[0]!;
    assert.equal(headers.get("authorization"), `Bearer ${TOKEN}`);
    assert.equal(headers.get("x-api-key"), API_KEY);
    assert.equal(headers.get("x-my-secret"), HEADER);
    assert.equal(headers.get("cookie"), COOKIE);
    assert.match(path, new RegExp(QUERY));
    assert.ok(program.stderr().split("\n").length > 30);
    assert.match(program.stderr(), /\[redacted\]/);
    assertNoSecret(program, [...SECRETS, session]);
  });
}

Deno.test("no secret is logged when the server can't be reached at all", async () => {
  const { port, close } = await startRawServer();
  await close();
  for (
    const endpoint of [
      `http://127.0.0.1:${port}/mcp?api_key=${QUERY}`,
      `https://127.0.0.1:${port}/mcp?sig=${QUERY}`,
      `http://no-such-host.invalid/?token=${QUERY}`,
    ]
  ) {
    await using program = startProgram(["proxy", "--log-level", "trace", ...CREDENTIALS, endpoint]);
    const { error } = await program.request("initialize", {});
    assert.equal(error?.data.code, "UNREACHABLE");
    assert.ok(!JSON.stringify(error).includes(QUERY));
    await finish(program);
    assertNoSecret(program);
  }
});

Deno.test("no secret is shown when an option is wrong", async () => {
  for (
    const args of [
      ["--header", `Bad Name: ${HEADER}`, "http://h/"],
      ["--header", `X-A: ${HEADER}\u0001`, "http://h/"],
      ["--auth-token", `${TOKEN}\u0001`, "http://h/"],
      ["--auth-token", TOKEN, "--header", `Authorization: ${HEADER}`, "http://h/"],
      ["--auth-token", TOKEN, "--no-such-option", "http://h/"],
      ["--auth-token", TOKEN, "--timeout", "soon", "http://h/"],
      ["--auth-token", TOKEN, `http://user:${QUERY}@h/`],
      ["--auth-token", TOKEN, `ftp://h/?token=${QUERY}`],
      ["--headers", `X-A:${HEADER},nonsense ${COOKIE}`, "http://h/"],
    ]
  ) {
    await using program = startProgram(["proxy", "--log-level", "trace", ...args]);
    await finish(program);
    assert.equal((await program.status).code, 2, JSON.stringify(args));
    assert.match(program.stderr(), /^mcp-connect: .*\n$/);
    assertNoSecret(program);
  }
});

Deno.test("no secret of a command is logged: not its arguments, its variables, nor what it says of them", {
  ignore: isWindows,
}, async () => {
  const script = `echo "token is $MY_TOKEN, started with $*" >&2; read -r line; exit 3`;
  await using program = startProgram([
    "proxy",
    ...["--log-level", "trace", "--env", `MY_TOKEN=${TOKEN}`],
    ...["--", "sh", "-c", script, "sh", `--api-key=${API_KEY}`, "--password", HEADER],
  ]);
  const { error } = await program.request("initialize", {});
  assert.equal(error?.data.code, "CONNECTION_LOST");
  await finish(program);
  assert.match(program.stderr(), /token is/);
  assertNoSecret(program);
});

const HOSTILE =
  "\u001b]0;owned\u0007\u001b[2J\u001b[31mred\r\n2026-01-01T00:00:00Z ERROR forged\u009b1m\u202etxt";
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/;

Deno.test("control characters in what a server says can't drive a terminal or forge a line", async () => {
  await using server = await startRawServer({ capabilities: { logging: {} } });
  server.on("fail/500", (_request, reply) => reply.status(500, HOSTILE));
  server.on("fail/html", (_request, reply) => reply.body(HOSTILE, { contentType: "text/plain" }));
  server.on("fail/events", (_request, reply) => reply.events([HOSTILE.replace(/[\r\n]/g, "")]));
  await using program = startProgram([
    "proxy",
    "--debug",
    "--log-level",
    "trace",
    "--retry-attempts",
    "0",
    server.url,
  ]);
  await program.initialize();
  for (const kind of ["500", "html", "events"]) {
    const { error } = await program.request(`fail/${kind}`);
    // Hosts print it.
    assert.doesNotMatch(error?.message ?? "", CONTROL, kind);
  }
  await finish(program);
  assert.doesNotMatch(program.stderr(), CONTROL);
  assert.doesNotMatch(program.stderr(), /^2026-01-01T00:00:00Z ERROR forged/m);
  for (const { method, params } of program.messages) {
    if (method === "notifications/message") assert.doesNotMatch(params.data.message, CONTROL);
  }
});

Deno.test("control characters in what a command says, and in its last words, are made visible", {
  ignore: isWindows,
}, async () => {
  const script =
    `printf '\\033]0;owned\\007\\033[31merror: \\342\\200\\256bad\\r\\n' >&2; read -r line; exit 3`;
  await using program = startProgram(["proxy", "--log-level", "trace", "--", "sh", "-c", script]);
  const { error } = await program.request("initialize", {});
  assert.match(error?.message ?? "", /error: /);
  assert.doesNotMatch(error?.message ?? "", CONTROL);
  await finish(program);
  assert.match(program.stderr(), /error: /);
  assert.doesNotMatch(program.stderr(), CONTROL);
});

Deno.test("with --log-format json every line of stderr is an object with time, level and message", async () => {
  await using server = await startRawLineServer();
  await using program = startProgram([
    "proxy",
    "--log-level",
    "trace",
    "--log-format",
    "json",
    server.endpoint,
  ]);
  await program.initialize();
  await program.send(`garbage "quoted" \u0007`);
  await program.request("no/such");
  await finish(program);
  const lines = program.stderr().split("\n").filter((line) => line !== "");
  assert.ok(lines.length > 3);
  const levels = new Set<string>();
  for (const line of lines) {
    const { time, level, message } = JSON.parse(line);
    assert.equal(new Date(time).toISOString(), time);
    assert.equal(typeof message, "string");
    levels.add(level);
  }
  assert.ok(levels.has("debug") && levels.has("warn"));
  assert.ok([...levels].every((level) => ["trace", "debug", "info", "warn", "error"].includes(level)));
});

Deno.test("--log-level decides what stderr shows", async () => {
  const { port, close } = await startRawServer();
  await close();
  const shown = async (level: string) => {
    await using program = startProgram(["proxy", "--log-level", level, `http://127.0.0.1:${port}/`]);
    await program.request("initialize", {});
    await finish(program);
    return [...program.stderr().matchAll(/^\S+ (TRACE|DEBUG|INFO|WARN|ERROR) /gm)].map(([, level]) => level);
  };
  assert.deepEqual(await shown("error"), []);
  assert.deepEqual(await shown("warn"), ["WARN"]);
  const all = await shown("trace");
  assert.ok(all.includes("TRACE") && all.includes("DEBUG") && all.includes("WARN"));
});

Deno.test("a closed stderr keeps nobody from working", { ignore: isWindows }, async () => {
  await using server = await startRawServer();
  const { args, command } = shell("exec 2>&-");
  await using program = startProgram(["proxy", "--debug", "--log-level", "trace", server.url], {
    entry: [command, ...args],
  });
  await program.initialize();
  assert.ok((await program.request("tools/list")).result.tools.length > 0);
  await program.closeStdin();
  assert.equal((await program.status).code, 0);
});

function shell(before: string): { command: string; args: string[] } {
  const entry = new URL("../../src/main.ts", import.meta.url).pathname;
  return {
    command: "sh",
    args: ["-c", `${before}; exec "$@"`, "sh", Deno.execPath(), "run", "--quiet", "-A", entry],
  };
}
