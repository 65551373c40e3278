import type { ConnectSettings } from "../config/settings.ts";
import { notification } from "../jsonrpc/answers.ts";
import type { Message } from "../jsonrpc/message.ts";
import { evidenceOf } from "../link/era/evidence.ts";
import { describeEndpoint } from "../link/describe_endpoint.ts";
import type { Endpoint } from "../link/endpoint.ts";
import type { PeerOptions } from "../link/open_peer.ts";
import type { Outcome, Peer } from "../link/peer.ts";
import { within } from "../link/pause.ts";
import { judgeDiscovery, judgeGreeting } from "../mcp/era.ts";
import { MODERN_REVISION } from "../mcp/modern.ts";
import { asObject, isLegacyRevision, LATEST_LEGACY_REVISION, readInitializeResult } from "../mcp/revision.ts";
import type { Logger } from "../telemetry/logger.ts";
import { answerServer } from "./answer_server.ts";
import { asker } from "./ask.ts";
import { initializeParams } from "./ask_apart.ts";
import { findEra } from "./find_era.ts";
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
  /** Makes a Peer; what is given here goes before the settings. */
  open(more: Pick<PeerOptions, "protocol" | "transport" | "chosen" | "evidence">): Promise<Peer>;
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

  /** What came of the requests that were to tell the era, as the server answered them. */
  let greeting: Outcome | undefined;
  let discovery: Outcome | undefined;
  const peer = await options.open({
    chosen: (name, why) => transport = { name, why },
    evidence(asked, outcome) {
      if (asked === "initialize") greeting = outcome;
      else discovery = outcome;
    },
  });
  const receive = (message: Message) => void answerServer(peer, message, logger);
  peer.listen({ receive });
  /** What came of our own `initialize`, translated where need be. */
  let handshaken: Outcome | undefined;
  const ask = asker(peer, timeoutMs, receive, (_method, outcome) => handshaken ??= outcome);

  const begun = performance.now();
  const session = await handshake();
  const handshakeMs = performance.now() - begun;
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
  if (
    session?.modern === true && settings.protocol === "auto" && settings.transport === "auto" &&
    transport.name === "http"
  ) {
    transport = { name: "http", why: "server/discover was answered over Streamable HTTP" };
  }
  const era = await findEra({
    settings,
    logger,
    transport: transport.name,
    handshake: handshaken!,
    greeting,
    discovery,
    answered: session?.modern === false ? session.revision : undefined,
    failed: problems.some(isFatal),
    handshakeMs,
    closeMs: CLOSE_MS,
    open: () =>
      options.open({
        protocol: "legacy",
        ...(transport.name === "http" || transport.name === "sse" ? { transport: transport.name } : {}),
      }),
  });

  const exitCode = problems.length === 0 ? 0 : options.exitCodeOf(problems[0]!.code);
  return {
    version: REPORT_VERSION,
    ok: problems.length === 0,
    exitCode,
    endpoint: describeEndpoint(endpoint),
    transport,
    revision: session?.revision ?? null,
    ...era,
    server: session?.server ?? null,
    capabilities: session?.capabilities ?? null,
    ...listings,
    timings,
    certificate: facts?.certificate ?? null,
    problems,
  };

  async function handshake() {
    const start = performance.now();
    const reply = await ask("initialize", initializeParams(LATEST_LEGACY_REVISION));
    if ("problem" in reply) {
      problems.push(withProtocol(reply.problem, settings.protocol, handshaken!));
      return undefined;
    }
    timings.initialize = round(performance.now() - start);
    const said = readInitializeResult(reply.message);
    const revision = said?.protocolVersion;
    if (said === undefined || !isLegacyRevision(revision)) {
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
    const modern = discovery?.kind === "answered" && judgeDiscovery(evidenceOf(discovery)) === "modern"
      ? discovery.message
      : undefined;
    return {
      modern: modern !== undefined,
      revision: modern === undefined ? revision : MODERN_REVISION,
      capabilities: modern === undefined
        ? said.capabilities
        : asObject(asObject(modern.parsed("result")).capabilities),
      server: { name: text(name) ?? "", version: text(version) ?? "", title: text(title) ?? null },
    };
  }

  async function measurePings(): Promise<Timings["ping"]> {
    const times: number[] = [];
    const method = session?.modern === true ? "server/discover" : "ping";
    for (let i = 0; i < PINGS; i++) {
      const start = performance.now();
      const reply = await ask("ping");
      if ("problem" in reply) {
        problems.push({ ...reply.problem, step: method });
        break;
      }
      times.push(performance.now() - start);
    }
    if (times.length === 0) return null;
    times.sort((a, b) => a - b);
    return {
      method,
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

/** Says of a failed handshake what `--protocol` had to do with it. */
function withProtocol(problem: Problem, protocol: ConnectSettings["protocol"], outcome: Outcome): Problem {
  const also = (hint: string) => problem.hint === null ? hint : `${problem.hint}; ${hint}`;
  if (protocol === "modern") {
    const mayBeLegacy = ["CONNECTION_LOST", "CONNECT_TIMEOUT"].includes(problem.code) &&
      outcome.kind !== "not_sent";
    const hint = mayBeLegacy
      ? also("a server of an older revision needs --protocol modern left out")
      : problem.hint;
    return { ...problem, step: "server/discover", hint };
  }
  return protocol === "legacy" && judgeGreeting(evidenceOf(outcome)) === "ask"
    ? { ...problem, hint: also(`a server of ${MODERN_REVISION} needs --protocol legacy left out`) }
    : problem;
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
