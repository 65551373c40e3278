import assert from "node:assert/strict";
import fc from "fast-check";
import { createLogger, type LogLevel, type LogRecord } from "../../src/telemetry/logger.ts";
import { LOG_LEVELS } from "../../src/telemetry/log_level.ts";
import { toLogNotification } from "../../src/telemetry/mcp_log.ts";

function capture(options: Partial<Parameters<typeof createLogger>[0]> = {}) {
  const lines: string[] = [];
  const logger = createLogger({
    level: "trace",
    format: "text",
    color: false,
    timestamps: false,
    write: (line) => lines.push(line),
    ...options,
  });
  return { logger, lines };
}

Deno.test("Logger writes records of its level and above, in every combination", () => {
  for (const [index, level] of LOG_LEVELS.entries()) {
    const { logger, lines } = capture({ level });
    for (const own of LOG_LEVELS) logger[own](own);
    assert.deepEqual(lines.map((line) => line.trim().split(" ").at(-1)), LOG_LEVELS.slice(index));
    assert.deepEqual(LOG_LEVELS.map((own) => logger.enabled(own)), LOG_LEVELS.map((_, i) => i >= index));
  }
});

Deno.test("Logger reads no field of a record below its level", () => {
  const { logger } = capture({ level: "warn" });
  let read = false;
  logger.debug("x", {
    get costly() {
      read = true;
      return 1;
    },
  });
  assert.equal(read, false);
});

Deno.test("text lines have level, message and fields", () => {
  const { logger, lines } = capture();
  logger.warn("slow answer", {
    ms: 12,
    endpoint: "https://host/mcp",
    note: "two words",
    list: [1, "a"],
    no: undefined,
  });
  assert.deepEqual(lines, [
    'WARN  slow answer ms=12 endpoint=https://host/mcp note="two words" list=[1,"a"]\n',
  ]);
});

Deno.test("text lines begin with a full timestamp where they have no colours", () => {
  const { logger, lines } = capture({ timestamps: true });
  logger.info("hello");
  assert.match(lines[0]!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO {2}hello\n$/);
});

Deno.test("coloured lines begin with the time of day", () => {
  const { logger, lines } = capture({ timestamps: true, color: true });
  logger.error("hello", { a: 1 });
  assert.match(
    lines[0]!,
    // deno-lint-ignore no-control-regex
    /^\x1b\[2m\d\d:\d\d:\d\d\.\d{3}\x1b\[0m \x1b\[31mERROR\x1b\[0m hello \x1b\[2ma=\x1b\[0m1\n$/,
  );
});

Deno.test("json lines are one object each, and a field hides none of its own names", () => {
  const { logger, lines } = capture({ format: "json" });
  logger.info("hello\nworld", { level: "fake", message: "fake", time: 1, n: { deep: [true, null] } });
  assert.equal(lines.length, 1);
  assert.ok(lines[0]!.endsWith("}\n"));
  const { time, ...rest } = JSON.parse(lines[0]!);
  assert.match(time, /^\d{4}-.*Z$/);
  assert.deepEqual(rest, {
    level: "info",
    message: "hello\\nworld",
    level_: "fake",
    message_: "fake",
    time_: 1,
    n: { deep: [true, null] },
  });
});

Deno.test("a message or field of a server forges no line and drives no terminal", () => {
  for (const format of ["text", "json"] as const) {
    const { logger, lines } = capture({ format });
    logger.warn("a\n00:00:00 ERROR forged \x1b[2J", {
      "k\ney\x1b": "v\r\n\x1b]0;x\x07\u202e",
      nested: [{ a: "\n" }],
    });
    assert.equal(lines.length, 1);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(lines[0]!.slice(0, -1), /[\x00-\x1f\x7f-\x9f\u202e]/);
    assert.ok(lines[0]!.includes("forged"));
  }
});

Deno.test("fields of secret names are hidden at every level, however they are nested", () => {
  const fields = {
    Authorization: "Bearer one-value",
    headers: new Headers({ "x-api-key": "two-value", accept: "text/html" }),
    list: [["Cookie", "three-value"], ["Accept", "shown"]],
    pairs: [{ name: "Mcp-Session-Id", value: "four-value" }, { name: "Accept", value: "shown2" }],
    map: new Map([["client_secret", "five-value"]]),
    args: ["--auth-token", "six-value", "--port", "80"],
    tokens: { token: { inner: ["seven-value"] } },
    pin: 123456,
    url: new URL("https://u:eight-value@host/?code=nine-value"),
    body: '{"refresh_token":"ten-value"}',
    env: { GITHUB_TOKEN: "eleven-value", PATH: "/bin" },
    error: new Error("outer", { cause: new TypeError("sent Bearer twelve-value-1") }),
  };
  for (const level of LOG_LEVELS) {
    const { logger, lines } = capture({ format: "json" });
    logger[level]("x", fields);
    assert.doesNotMatch(lines[0]!, /-value|123456/);
    for (const shown of ["text/html", "shown", "shown2", "80", "/bin", "outer"]) {
      assert.ok(lines[0]!.includes(shown), shown);
    }
  }
});

Deno.test("protocol words stay readable in fields", () => {
  const { logger, lines } = capture({ format: "json" });
  const fields = {
    progressToken: "p-1",
    tokens_used: 5,
    cursor: "abc",
    code: -32601,
    method: "tools/call",
    id: 7,
  };
  logger.debug("x", { ...fields, error: { code: "NOT_FOUND" } });
  const { time: _, level: _level, message: _message, ...rest } = JSON.parse(lines[0]!);
  assert.deepEqual(rest, { ...fields, error: { code: "NOT_FOUND" } });
});

Deno.test("a logger takes any value and never throws", () => {
  const circular: Record<string, unknown> = { a: 1 };
  circular.self = circular;
  circular.list = [circular];
  const looping = new Error("loop");
  looping.cause = looping;
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const fields: Record<string, unknown> = {
    circular,
    looping,
    revoked: revoked.proxy,
    getter: {
      get x() {
        throw new Error("no");
      },
    },
    toJson: {
      toJSON() {
        throw new Error("no");
      },
    },
    big: 2n ** 80n,
    nan: NaN,
    symbol: Symbol("s"),
    fn: () => 1,
    bytes: new Uint8Array(70_000),
    buffer: new ArrayBuffer(3),
    date: new Date(NaN),
    lone: "\ud800",
    nul: null,
    undef: undefined,
    bare: Object.create(null),
    ["__proto__"]: "x",
    many: Array.from({ length: 5000 }, (_, i) => i),
    deep: JSON.parse("[".repeat(500) + "]".repeat(500)),
    long: "x".repeat(100_000),
    aggregate: new AggregateError([new Error("first")], "all failed"),
    nameless: Object.assign(new Error("e"), { name: undefined, message: null }),
  };
  for (const format of ["text", "json"] as const) {
    const { logger, lines } = capture({ format });
    logger.error("any", fields);
    logger.error("revoked", revoked.proxy as Record<string, unknown>);
    assert.ok(lines.length >= 1);
    const line = lines[0]!;
    for (
      const part of [
        "[circular]",
        "[70000 bytes]",
        "1208925819614629174706176",
        "[unreadable]",
        "all failed: first",
      ]
    ) {
      assert.ok(line.includes(part), `${part} in ${line.slice(0, 400)}`);
    }
    assert.ok(line.length < 60_000, String(line.length));
  }
});

Deno.test("a sink or writer that throws harms neither the caller nor the other sinks", () => {
  const seen: string[] = [];
  const logger = createLogger({
    level: "info",
    format: "text",
    write: () => {
      throw new Error("EPIPE");
    },
  });
  logger.tap(() => {
    throw new Error("sink");
  });
  logger.tap((record) => seen.push(record.message));
  logger.info("one");
  logger.info("two");
  assert.deepEqual(seen, ["one", "two"]);
});

Deno.test("a tap receives records until it is removed, and not what it logs itself", () => {
  const { logger, lines } = capture({ level: "info" });
  const seen: LogRecord[] = [];
  const remove = logger.tap((record) => {
    seen.push(record);
    logger.info("from the tap");
  });
  logger.debug("below");
  logger.info("one", { token: "x" });
  remove();
  logger.info("two");
  assert.deepEqual(seen.map(({ level, message, fields }) => ({ level, message, fields })), [
    { level: "info", message: "one", fields: { token: "[redacted]" } },
  ]);
  assert.equal(lines.length, 3);
});

Deno.test("a secret added later is hidden from then on", () => {
  const { logger, lines } = capture();
  logger.info("abcdef-1");
  logger.secret("abcdef-1");
  logger.info("abcdef-1");
  assert.deepEqual(lines, ["INFO  abcdef-1\n", "INFO  [redacted]\n"]);
  assert.equal(logger.redact("x abcdef-1 y"), "x [redacted] y");
});

Deno.test("a registered secret is in no output, whatever field, nesting and encoding it is put in", () => {
  const secret = fc.string({ unit: "binary", minLength: 8, maxLength: 30 }).filter((value) =>
    value.trim().length >= 8 && value.isWellFormed() &&
    !/^[\w[\]{}":,. -]*$/.test(value) // as a word of the output's own, such as "message"
  );
  const wraps: ((value: string) => unknown)[] = [
    (value) => value,
    (value) => `before ${value} after`,
    (value) => ({ [value]: 1 }),
    (value) => [value, [{ a: value }]],
    (value) => new Map([["x", value]]),
    (value) => new Set([value]),
    (value) => new Error(value, { cause: new Error(value) }),
    (value) => JSON.stringify({ x: value }),
    (value) => JSON.stringify(JSON.stringify(value)),
    (value) => encodeURIComponent(value),
    (value) => new URL(`https://h/?x=${encodeURIComponent(value)}`),
    (value) => new URLSearchParams({ x: value }),
    (value) => ({ toJSON: () => value }),
    (value) => "x".repeat(8192 - Math.floor(value.length / 2)) + value,
  ];
  fc.assert(fc.property(
    secret,
    fc.constantFrom(...wraps),
    fc.constantFrom<LogLevel>(...LOG_LEVELS),
    (value, wrap, level) => {
      for (const format of ["text", "json"] as const) {
        const { logger, lines } = capture({ format });
        logger.secret(value);
        logger.tap((record) => lines.push(toLogNotification(record)));
        logger[level](`m ${String(wrap(value))}`, { field: wrap(value), deep: { field: [wrap(value)] } });
        assert.equal(lines.length, 2);
        for (const line of lines) {
          for (const form of [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value)]) {
            assert.ok(!line.includes(form), `${JSON.stringify(form)} in ${JSON.stringify(line)}`);
          }
        }
      }
    },
  ));
});

const LOGGER_URL = new URL("../../src/telemetry/logger.ts", import.meta.url).href;

Deno.test("stderr lines have a timestamp and no colour where stderr is no terminal; stdout has nothing", async () => {
  const code = `import { createLogger } from ${JSON.stringify(LOGGER_URL)};
    createLogger({ level: "info", format: "text" }).warn("hello", { a: 1 });`;
  const output = await run(code);
  assert.match(output.stderr, /^\d{4}-[\d:.T-]*Z WARN {2}hello a=1\n$/);
  assert.equal(output.stdout, "");
});

Deno.test("a closed stderr ends no program", async () => {
  const code = `import { createLogger } from ${JSON.stringify(LOGGER_URL)};
    const logger = createLogger({ level: "info", format: "text" });
    await Deno.stdin.read(new Uint8Array(1));
    for (let i = 0; i < 100; i++) logger.warn("hello", { i });
    Deno.stdout.writeSync(new TextEncoder().encode("still here"));`;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, code);
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", file],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await process.stderr.cancel();
    const writer = process.stdin.getWriter();
    await writer.write(new Uint8Array(1));
    await writer.close();
    const { code: exit } = await process.status;
    assert.equal(await new Response(process.stdout).text(), "still here");
    assert.equal(exit, 0);
  } finally {
    await Deno.remove(file);
  }
});

async function run(code: string): Promise<{ stdout: string; stderr: string }> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, code);
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-prompt", "--quiet", file],
    }).output();
    return { stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
  } finally {
    await Deno.remove(file);
  }
}
