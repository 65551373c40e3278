/**
 * The demonstration, `deno task demo`: a client's session through the real program with the official reference
 * server, and what crossed the bridge, for a person to read.
 */
import { type EverythingServer, startEverything } from "./support/everything.ts";
import { type Program, type ProgramStatus, startProgram } from "./support/program.ts";
import { isResponse, type WireMessage } from "./support/wire_message.ts";

const color = !Deno.noColor && Deno.stdout.isTerminal();
const paint = (code: number) => (text: string) => color && text !== "" ? `\x1b[${code}m${text}\x1b[0m` : text;
const bold = paint(1);
const dim = paint(2);
const red = paint(31);
const green = paint(32);
const yellow = paint(33);
const cyan = paint(36);

/** What a person should know while a first start downloads packages. */
const PATIENCE_MS = 2000;

function print(line = ""): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}

/** One line of plain text, at most `length` characters. */
function brief(value: unknown, length = 68): string {
  const text = (typeof value === "string" ? value : JSON.stringify(value) ?? "")
    // deno-lint-ignore no-control-regex
    .replace(/[\x00-\x1f\x7f-\x9f]+/g, " ").trim();
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** What a result says, in a few words. */
// deno-lint-ignore no-explicit-any
function gist(result: any): string {
  if (result.serverInfo !== undefined) {
    return `${result.serverInfo.name} ${result.serverInfo.version}, revision ${result.protocolVersion}`;
  }
  if (result.tools !== undefined) {
    const names = result.tools.map(({ name }: { name: string }) => name);
    return `${names.length} tools: ${names.join(", ")}`;
  }
  if (Array.isArray(result.content)) {
    return result.content.map(({ text }: { text?: string }) => text ?? "").join(" ");
  }
  return Object.keys(result).length === 0 ? "" : JSON.stringify(result);
}

/** What a request or notification says beside its method. */
function detail({ method, params }: WireMessage): string {
  switch (method) {
    case "initialize":
      return `revision ${params.protocolVersion}`;
    case "tools/call":
      return `${params.name} ${JSON.stringify(params.arguments)}`.replace(/ {}$/, "");
    case "notifications/progress":
      return `${params.progress} of ${params.total}`;
    case "notifications/message":
      return `${params.level}: ${brief(params.data, 40).replace(/ - SessionId.*/, "")}`;
    case "elicitation/create":
      return String(params.message);
    default:
      return params === undefined ? "" : gist(params);
  }
}

/** Prints each message as it crosses, and counts. */
function spectator() {
  const asked = new Map<unknown, { at: number; method: string }>();
  const counts = { sent: 0, received: 0 };
  return {
    counts,
    trace(direction: "sent" | "received", message: WireMessage) {
      counts[direction]++;
      const arrow = direction === "sent" ? cyan("  client → server ") : green("  client ← server ");
      if (!isResponse(message)) {
        if (message.id !== undefined) {
          asked.set(`${direction} ${message.id}`, { at: performance.now(), method: message.method ?? "" });
        }
        const name = message.method ?? "?";
        print(
          `${arrow} ${message.id === undefined ? name : bold(name)}  ${dim(brief(detail(message)))}`
            .trimEnd(),
        );
        return;
      }
      const question = asked.get(`${direction === "sent" ? "received" : "sent"} ${message.id}`);
      const took = question === undefined ? "" : yellow(`${(performance.now() - question.at).toFixed(1)} ms`);
      const said = message.error === undefined ? gist(message.result) : red(message.error.message);
      print(`${arrow} ${dim("answer to")} ${question?.method}  ${took}  ${dim(brief(said, 52))}`.trimEnd());
    },
  };
}

/** Tells why nothing happens, should the wait be long. */
async function patiently<T>(wait: Promise<T>): Promise<T> {
  const timer = setTimeout(
    () => print(dim("  still waiting: the first run downloads packages from npm")),
    PATIENCE_MS,
  );
  try {
    return await wait;
  } finally {
    clearTimeout(timer);
  }
}

/** Sends a request; an error in answer fails the demonstration. */
async function ask(program: Program, method: string, params: unknown): Promise<void> {
  const { result, error } = await program.request(method, params);
  if (error !== undefined) throw new Error(`${method}: ${error.code} ${error.message}`);
  if (result.isError === true) throw new Error(`${method}: ${brief(gist(result))}`);
}

/** The client's session. */
async function session(program: Program): Promise<void> {
  program.respond("elicitation/create", () => ({ action: "accept", content: { name: "Ada Lovelace" } }));
  await patiently(program.initialize({ capabilities: { elicitation: {} }, timeoutMs: 120_000 }));
  await ask(program, "tools/list", {});
  await ask(program, "tools/call", {
    name: "trigger-long-running-operation",
    arguments: { duration: 0.6, steps: 3 },
    _meta: { progressToken: "demo" },
  });
  for (let step = 1; step <= 3; step++) await program.nextMethod("notifications/progress");
  await ask(program, "tools/call", { name: "trigger-elicitation-request", arguments: {} });
  await program.nextMethod("elicitation/create");
  await ask(program, "logging/setLevel", { level: "debug" });
  await ask(program, "tools/call", { name: "toggle-simulated-logging", arguments: {} });
  await program.nextMethod("notifications/message");
}

async function demo(): Promise<void> {
  print(bold("mcp-connect: a stdio client meets a Streamable HTTP server"));
  print(dim("  starting @modelcontextprotocol/server-everything"));
  await using server: EverythingServer = await patiently(startEverything("streamableHttp"));
  print(`  mcp-connect proxy --endpoint ${server.url}`);
  print();

  const { counts, trace } = spectator();
  const started = performance.now();
  await using program = startProgram(["proxy", "--endpoint", server.url], { trace });
  await session(program);
  const closed = performance.now();
  await program.closeStdin();
  const { code, signal }: ProgramStatus = await program.status;
  if (code !== 0) {
    throw new Error(`the bridge ended with code ${code}${signal === null ? "" : ` (${signal})`}`);
  }
  const total = ((closed - started) / 1000).toFixed(2);
  const ending = Math.round(performance.now() - closed);
  print();
  print(
    `${
      green("✓")
    } ${counts.sent} messages to the server and ${counts.received} to the client in ${total} s; ` +
      `every request answered; ended clean ${ending} ms after the client left`,
  );
}

if (import.meta.main) {
  try {
    await demo();
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    Deno.stderr.writeSync(new TextEncoder().encode(`${red("✗ the demo failed:")} ${text}\n`));
    Deno.exit(1);
  }
}
