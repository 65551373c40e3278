import type { ConnectSettings } from "../config/settings.ts";
import { errorAnswer, notification, resultAnswer } from "../jsonrpc/answers.ts";
import type { Message } from "../jsonrpc/message.ts";
import { describeEndpoint } from "../link/describe_endpoint.ts";
import type { Endpoint } from "../link/endpoint.ts";
import type { Peer } from "../link/peer.ts";
import { within } from "../link/pause.ts";
import { LATEST_LEGACY_REVISION, LEGACY_REVISIONS, readInitializeResult } from "../mcp/revision.ts";
import type { Logger } from "../telemetry/logger.ts";
import { VERSION } from "../version.ts";
import { asker } from "./ask.ts";
import type { ConnectionFacts } from "./inspect_tls.ts";
import { listAll, type ListKind, NOT_OFFERED } from "./list_all.ts";
import {
  type Listing,
  type Problem,
  type Report,
  REPORT_VERSION,
  type Timings,
  type TransportName,
} from "./report.ts";

/** How {@linkcode diagnose} reaches the server and the machine. */
export interface DiagnoseOptions {
  readonly settings: ConnectSettings;
  readonly logger: Logger;
  /** Makes the Peer, and tells `chosen` which transport was found for a URL. */
  open(chosen: (transport: "http" | "sse", why: string) => void): Promise<Peer>;
  /** Looks at the server on a connection of its own; absent where that is not possible. */
  inspect?(url: URL): Promise<ConnectionFacts>;
  /** The exit code that goes with a problem's code. */
  exitCodeOf(code: string): number;
}

/** Round trips measured. */
const PINGS = 5;
/** How long the end of the session and of a command may take, in milliseconds. */
const CLOSE_MS = 6000;

const LISTS = {
  tools: { method: "tools/list", member: "tools", label: "name" },
  resources: { method: "resources/list", member: "resources", label: "uri" },
  resourceTemplates: {
    method: "resources/templates/list",
    member: "resourceTemplates",
    label: "uriTemplate",
  },
  prompts: { method: "prompts/list", member: "prompts", label: "name" },
} as const satisfies Record<string, ListKind>;

/** Connects to a server as a client would, tries what it offers, and reports. Never throws for what a server does. */
export async function diagnose(options: DiagnoseOptions): Promise<Report> {
  const { settings, logger } = options;
  const { endpoint, timeoutMs } = settings;
  const problems: Problem[] = [];
  let transport = firstTransport(settings);
  const facts = endpoint.kind === "http" ? await options.inspect?.(endpoint.url) : undefined;
  const timings: { -readonly [Name in keyof Timings]: Timings[Name] } = {
    connect: round(facts?.connectMs ?? null),
    initialize: null,
    lists: null,
    ping: null,
  };
  const listings: Record<keyof typeof LISTS, Listing> = {
    tools: NOT_OFFERED,
    resources: NOT_OFFERED,
    resourceTemplates: NOT_OFFERED,
    prompts: NOT_OFFERED,
  };

  const peer = await options.open((name, why) => transport = { name, why });
  const receive = (message: Message) => void answerServer(peer, message, logger);
  peer.listen({ receive });
  const ask = asker(peer, timeoutMs, receive);

  const session = await handshake();
  if (session !== undefined) {
    const start = performance.now();
    for (const [name, kind] of Object.entries(LISTS)) {
      const capability = name === "resourceTemplates" ? "resources" : name;
      if (session.capabilities[capability] === undefined || problems.some(isFatal)) continue;
      const { listing, problem } = await listAll(ask, kind);
      // Templates are optional even where resources are offered.
      const absent = name === "resourceTemplates" && problem?.code === "ERROR_ANSWER";
      listings[name as keyof typeof LISTS] = absent ? NOT_OFFERED : listing;
      if (problem !== undefined && !absent) problems.push(problem);
    }
    timings.lists = round(performance.now() - start);
    if (!problems.some(isFatal)) timings.ping = await measurePings();
  }
  await within(peer.close(), CLOSE_MS);

  const exitCode = problems.length === 0 ? 0 : options.exitCodeOf(problems[0]!.code);
  return {
    version: REPORT_VERSION,
    ok: problems.length === 0,
    exitCode,
    endpoint: describeEndpoint(endpoint),
    transport,
    revision: session?.revision ?? null,
    server: session?.server ?? null,
    capabilities: session?.capabilities ?? null,
    ...listings,
    timings,
    certificate: facts?.certificate ?? null,
    problems,
  };

  async function handshake() {
    const start = performance.now();
    const reply = await ask("initialize", {
      protocolVersion: LATEST_LEGACY_REVISION,
      capabilities: {},
      clientInfo: { name: "mcp-connect", version: VERSION },
    });
    if ("problem" in reply) {
      problems.push(reply.problem);
      return undefined;
    }
    timings.initialize = round(performance.now() - start);
    const said = readInitializeResult(reply.message);
    const revision = said?.protocolVersion;
    if (
      said === undefined || revision === undefined || !LEGACY_REVISIONS.some((known) => known === revision)
    ) {
      problems.push({
        step: "initialize",
        code: "BAD_ANSWER",
        message: revision === undefined
          ? 'the result has no "protocolVersion"'
          : `the server chose the revision ${revision.slice(0, 40)}, which is not known here`,
        hint: "does this endpoint speak MCP?",
        status: null,
      });
      return undefined;
    }
    const failed = await peer.notify(notification("notifications/initialized"));
    if (failed !== undefined) {
      const { code, message, hint, status } = failed;
      problems.push({ step: "initialized", code, message, hint: hint ?? null, status: status ?? null });
    }
    const { name, version, title } = said.serverInfo;
    return {
      revision,
      capabilities: said.capabilities,
      server: { name: text(name) ?? "", version: text(version) ?? "", title: text(title) ?? null },
    };
  }

  async function measurePings(): Promise<Timings["ping"]> {
    const times: number[] = [];
    for (let i = 0; i < PINGS; i++) {
      const start = performance.now();
      const reply = await ask("ping");
      if ("problem" in reply) {
        problems.push(reply.problem);
        break;
      }
      times.push(performance.now() - start);
    }
    if (times.length === 0) return null;
    times.sort((a, b) => a - b);
    return {
      count: times.length,
      min: round(times[0]!)!,
      p50: round(times[Math.floor((times.length - 1) / 2)]!)!,
      max: round(times.at(-1)!)!,
    };
  }
}

/** What is known of the transport before anything was sent. */
function firstTransport({ endpoint, transport }: ConnectSettings): { name: TransportName; why: string } {
  const names: Readonly<Record<Endpoint["kind"], TransportName>> = {
    http: transport === "sse" ? "sse" : "http",
    tcp: "tcp",
    unix: "unix",
    command: "stdio",
  };
  const whys: Readonly<Record<Endpoint["kind"], string>> = {
    http: "the endpoint is a URL",
    tcp: "the endpoint is a host and port",
    unix: "the endpoint is a Unix socket",
    command: "the endpoint is a command",
  };
  return {
    name: names[endpoint.kind],
    why: transport === "auto" ? whys[endpoint.kind] : `--transport ${transport} asks for it`,
  };
}

/** Answers the server's own requests: `ping` as one must, all else with "no such method", as we declared nothing. */
async function answerServer(peer: Peer, message: Message, logger: Logger): Promise<void> {
  logger.debug("from the server", { method: message.method });
  if (message.kind !== "request") return;
  const id = message.id!;
  await peer.notify(
    message.method === "ping" ? resultAnswer(id, {}) : errorAnswer(id, -32601, "Method not found"),
  );
}

/** After these there is no point in asking for more. */
function isFatal({ code }: Problem): boolean {
  return code !== "ERROR_ANSWER" && code !== "BAD_ANSWER";
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value.slice(0, 500) : undefined;
}

function round<T extends number | null>(ms: T): T {
  return (ms === null ? null : Math.round(ms * 100) / 100) as T;
}
