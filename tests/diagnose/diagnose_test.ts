import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import type { ConnectSettings } from "../../src/config/settings.ts";
import { diagnose } from "../../src/diagnose/diagnose.ts";
import type { Report } from "../../src/diagnose/report.ts";
import { errorAnswer, request, resultAnswer } from "../../src/jsonrpc/answers.ts";
import type { Message } from "../../src/jsonrpc/message.ts";
import { openExchange, settledExchange } from "../../src/link/exchange.ts";
import { failure } from "../../src/link/failure.ts";
import type { Exchange, Outcome, Peer, PeerListener } from "../../src/link/peer.ts";
import { createLogger } from "../../src/telemetry/logger.ts";

const settings: ConnectSettings = {
  endpoint: { kind: "tcp", hostname: "localhost", port: 9 },
  transport: "auto",
  protocol: "auto",
  cache: true,
  timeoutMs: 5000,
  requestTimeoutMs: 5000,
  maxRequestTimeMs: 5000,
  drainTimeoutMs: 5000,
  retryAttempts: 0,
  retryDelayMs: 0,
  fallbacks: [],
  returnToFirst: true,
  headers: [],
  userAgent: "test",
  allowTools: [],
  ignoreTools: [],
  env: {},
  caCerts: [],
  cookies: true,
  maxMessageSize: 1024,
  maxInFlight: 1,
  log: { level: "error", format: "text", debug: false },
};

const INITIALIZED = {
  protocolVersion: "2025-06-18",
  capabilities: { tools: {}, resources: {}, prompts: {} },
  serverInfo: { name: "fake", version: "1", title: "Fake" },
};

type Answer = (message: Message, listener: PeerListener) => Outcome | Exchange;

/** Runs a diagnosis against a server that answers so; notes what it was sent, and on connections of their own apart. */
async function run(answer: Answer, changes: Partial<ConnectSettings> = {}) {
  const sent: Message[] = [];
  const apart: Message[] = [];
  let opened = 0;
  let open = 0;
  const openPeer = (to: Message[]): Peer => {
    let listener: PeerListener | undefined;
    open++;
    return {
      request(message) {
        to.push(message);
        const outcome = answer(message, listener!);
        return "kind" in outcome ? settledExchange(outcome) : outcome;
      },
      notify(message) {
        to.push(message);
        return Promise.resolve(undefined);
      },
      listen: (it) => listener = it,
      close() {
        open--;
        return Promise.resolve();
      },
    };
  };
  const report: Report = await diagnose({
    settings: { ...settings, ...changes },
    logger: createLogger({ level: "error", format: "text", write() {} }),
    open({ protocol }) {
      strictEqual(open, 0, "one connection at a time");
      strictEqual(protocol, opened === 0 ? undefined : "legacy");
      return Promise.resolve(openPeer(opened++ === 0 ? sent : apart));
    },
    exitCodeOf: (code) => code.length,
  });
  strictEqual(open, 0);
  return { report, sent, methods: sent.map(({ method }) => method), apart };
}

const answered = (message: Message, result: unknown): Outcome => ({
  kind: "answered",
  message: resultAnswer(message.id!, result),
});

const sound: Answer = (message) => {
  switch (message.method) {
    case "initialize":
      return answered(message, INITIALIZED);
    case "tools/list":
      return answered(message, { tools: [{ name: "t" }] });
    case "resources/list":
      return answered(message, { resources: [{ uri: "r:1" }] });
    case "prompts/list":
      return answered(message, { prompts: [] });
    case "ping":
      return answered(message, {});
    default:
      return { kind: "answered", message: errorAnswer(message.id!, -32601, "Method not found") };
  }
};

Deno.test("diagnose goes through a session in order and reports", async () => {
  const { report, methods } = await run(sound);
  deepStrictEqual(methods, [
    "initialize",
    "notifications/initialized",
    "tools/list",
    "resources/list",
    "resources/templates/list",
    "prompts/list",
    ...Array(5).fill("ping"),
  ]);
  deepStrictEqual([report.ok, report.exitCode, report.problems], [true, 0, []]);
  deepStrictEqual(report.server, { name: "fake", version: "1", title: "Fake" });
  strictEqual(report.revision, "2025-06-18");
  deepStrictEqual(report.transport, { name: "tcp", why: "the endpoint is a host and port" });
  deepStrictEqual(report.tools.names, ["t"]);
  deepStrictEqual(report.resources.names, ["r:1"]);
  // A server without templates may say so with an error.
  strictEqual(report.resourceTemplates.offered, false);
  deepStrictEqual(report.prompts, { offered: true, count: 0, names: [], complete: true });
});

Deno.test("diagnose answers the server's own requests", async () => {
  const { sent } = await run((message, listener) => {
    if (message.method === "tools/list") {
      void listener.receive(request('"a"', "ping"));
      void listener.receive(request("7", "roots/list"));
    }
    return sound(message, listener);
  });
  const answers = sent.filter((message) => message.isAnswer).map(({ text }) => JSON.parse(text));
  deepStrictEqual(answers[0], { jsonrpc: "2.0", id: "a", result: {} });
  deepStrictEqual([answers[1].id, answers[1].error.code], [7, -32601]);
});

Deno.test("diagnose says what to do about an error in answer to initialize", async () => {
  const { report } = await run((message) => ({
    kind: "answered",
    message: errorAnswer(message.id!, -32602, "no"),
  }));
  const [problem] = report.problems;
  deepStrictEqual([problem?.step, problem?.code], ["initialize", "ERROR_ANSWER"]);
  match(problem!.hint!, /server's log/);
});

Deno.test("diagnose goes on after an error answer, and stops when the connection is lost", async () => {
  const refusing = await run((message, listener) =>
    message.method === "tools/list"
      ? { kind: "answered", message: errorAnswer(message.id!, -32000, "broken \x1b tool") }
      : sound(message, listener)
  );
  deepStrictEqual(refusing.report.problems, [
    {
      step: "tools/list",
      code: "ERROR_ANSWER",
      message: "error -32000: broken \x1b tool",
      hint: null,
      status: null,
    },
  ]);
  deepStrictEqual([refusing.report.tools.count, refusing.report.resources.count], [null, 1]);

  const losing = await run((message, listener) =>
    message.method === "tools/list"
      ? { kind: "lost", failure: failure("CONNECTION_LOST", "x", "gone", "look"), lastEventId: undefined }
      : sound(message, listener)
  );
  strictEqual(losing.methods.at(-1), "tools/list");
  deepStrictEqual(losing.report.problems, [
    { step: "tools/list", code: "CONNECTION_LOST", message: "gone", hint: "look", status: null },
  ]);
  strictEqual(losing.report.exitCode, "CONNECTION_LOST".length);
});

Deno.test("diagnose stops after an initialize that makes no session", async () => {
  for (
    const result of [{}, { ...INITIALIZED, protocolVersion: "1999-01-01" }, {
      ...INITIALIZED,
      protocolVersion: 1,
    }]
  ) {
    const { report, methods } = await run((message) => answered(message, result));
    deepStrictEqual(methods, ["initialize"]);
    deepStrictEqual([report.ok, report.problems[0]!.code, report.server], [false, "BAD_ANSWER", null]);
  }
});

Deno.test("diagnose gives up a request at --timeout", async () => {
  const cancelled: string[] = [];
  const { report, methods } = await run((message, listener) => {
    if (message.method !== "tools/list") return sound(message, listener);
    return openExchange((notice) => cancelled.push(notice?.text ?? ""));
  }, { timeoutMs: 50 });
  strictEqual(methods.at(-1), "tools/list");
  strictEqual(cancelled.length, 1);
  match(cancelled[0]!, /"requestId":2/);
  strictEqual(report.problems[0]!.code, "REQUEST_TIMEOUT");
  match(report.problems[0]!.message, /no answer within 0\.05 s/);
});

Deno.test("diagnose asks on other connections which era and which revisions it is", async () => {
  const { report, apart } = await run(sound);
  deepStrictEqual(
    apart.map((message) => {
      const { protocolVersion, _meta } = JSON.parse(message.text).params;
      return [message.method, protocolVersion ?? _meta["io.modelcontextprotocol/protocolVersion"]];
    }),
    [
      ["server/discover", "2026-07-28"],
      ["initialize", "2025-06-18"],
      ["initialize", "2025-03-26"],
      ["initialize", "2024-11-05"],
    ],
  );
  deepStrictEqual(report.era, {
    name: "legacy",
    why: "it answered initialize with revision 2025-06-18, and refused server/discover with error -32601",
  });
  deepStrictEqual(
    report.clients.map(({ revision, outcome, serverRevision, tried }) => [
      revision,
      outcome,
      serverRevision,
      tried,
    ]),
    [
      ["2024-11-05", "other_revision", "2025-06-18", true],
      ["2025-03-26", "other_revision", "2025-06-18", true],
      ["2025-06-18", "passed_on", "2025-06-18", true],
      ["2025-11-25", "other_revision", "2025-06-18", true],
      ["2026-07-28", "translated", "2025-06-18", false],
    ],
  );
});

Deno.test("diagnose starts a command once more and no oftener, and asks a failed connection nothing", async () => {
  const command = await run(sound, { endpoint: { kind: "command", command: "x", args: [] } });
  deepStrictEqual(command.apart.map(({ method }) => method), ["server/discover"]);
  deepStrictEqual(command.report.clients.map(({ tried }) => tried), [false, false, false, true, false]);

  const lost = await run((message, listener) =>
    message.method === "ping"
      ? { kind: "lost", failure: failure("CONNECTION_LOST", "x", "gone"), lastEventId: undefined }
      : sound(message, listener)
  );
  deepStrictEqual(lost.apart, []);
  strictEqual(lost.report.era.name, "legacy");
  strictEqual(lost.report.clients.at(-1)!.outcome, "not_known");
});

Deno.test("diagnose asks no more for what only the network answers", async () => {
  const { report, apart } = await run((message, listener) => {
    if (JSON.parse(message.text).params?.protocolVersion !== "2025-03-26") return sound(message, listener);
    const why = failure("RETRY_LATER", "x", "later", "wait", 429);
    return { kind: "retry_later", failure: why, status: 429, answer: undefined, afterMs: undefined };
  });
  strictEqual(apart.length, 3);
  ok(report.ok);
  deepStrictEqual(report.clients.map(({ tried }) => tried), [false, false, true, true, false]);
});

Deno.test("diagnose sends nothing of the other era under --protocol legacy", async () => {
  const { report, apart } = await run(sound, { protocol: "legacy" });
  ok(apart.every(({ method }) => method === "initialize"));
  match(report.era.why, /server\/discover was not sent: --protocol legacy was given$/);
});
