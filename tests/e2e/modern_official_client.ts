/** The official client v2, pinned to the modern revision, which runs the real program. */
import { Client, type SubscriptionFilter } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { createInbox, type Inbox } from "../support/inbox.ts";
import { programCommand, programEnvironment, REPOSITORY } from "../support/program.ts";
import { closeStdioClient, withoutTimersLeft } from "../support/sdk_stdio_client.ts";

/** A client of the modern era and what it has seen. */
export interface ModernOfficialClient extends AsyncDisposable {
  readonly client: Client;
  /** What the server said unasked: `log LEVEL DATA`, `updated URI`, `tools`, `prompts`, `resources`. */
  readonly seen: Inbox<string>;
  /** What the client was asked: `form MESSAGE`, `url URL`, `model TEXT`, `roots`. */
  readonly asked: Inbox<string>;
  /** What the program has written to stderr. */
  readonly stderr: Inbox<string>;
  /** The messages that came from the program, as they were before the client reads them. */
  readonly wire: Inbox<WireMessage>;
  /** The process id of the program. */
  readonly pid: number;
  /** Calls a tool and gives its text. */
  call(name: string, args?: Record<string, unknown>): Promise<string>;
  listen(filter: SubscriptionFilter): ReturnType<Client["listen"]>;
}

/** What comes from the program, looked at from outside. */
// deno-lint-ignore no-explicit-any
type WireMessage = { id?: unknown; method?: string; params?: any; result?: any; error?: any };

export interface ModernOfficialOptions {
  /** @default forms, URLs, sampling, roots */
  readonly capabilities?: Record<string, unknown>;
  /**
   * The client asks for the server's era in the process that it goes on with; else, as the SDK does by default, in one before
   * that.
   * @default false
   */
  readonly probesInPlace?: boolean;
}

/** A transport that the SDK does not start twice: it clones none that is not exactly its own. */
class OneProcess extends StdioClientTransport {}

const ALL = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };

/** Connects the official client v2 to `proxy` with these arguments. */
export async function modernOfficialClient(
  args: readonly string[],
  { capabilities = ALL, probesInPlace = false }: ModernOfficialOptions = {},
): Promise<ModernOfficialClient> {
  const inbox = <T>(name: string) =>
    createInbox<T>((items) =>
      `${name}: ${
        items.map((it) => typeof it === "string" ? it : JSON.stringify(it)).join("; ") || "nothing"
      }`
    );
  const [seen, asked, stderr] = [inbox<string>("seen"), inbox<string>("asked"), inbox<string>("stderr")];
  const wire = inbox<WireMessage>("received");
  const client = new Client({ name: "modern", version: "1" }, {
    capabilities,
    versionNegotiation: { mode: { pin: "2026-07-28" } },
  });
  if ("elicitation" in capabilities) {
    client.setRequestHandler("elicitation/create", ({ params }) => {
      if (params.mode === "url") {
        asked.push(`url ${params.url}`);
        return { action: params.url.includes("decline") ? "decline" : "accept" };
      }
      asked.push(`form ${params.message}`);
      if (params.message.startsWith("decline")) return { action: "decline" };
      if (params.message.startsWith("cancel")) return { action: "cancel" };
      return { action: "accept", content: { name: `Ada (${params.message})` } };
    });
  }
  if ("sampling" in capabilities) {
    client.setRequestHandler("sampling/createMessage", ({ params }) => {
      const text = JSON.stringify(params.messages[0]?.content);
      asked.push(`model ${text}`);
      return { model: "test", role: "assistant", content: { type: "text", text: `sampled ${text}` } };
    });
  }
  if ("roots" in capabilities) {
    client.setRequestHandler("roots/list", () => {
      asked.push("roots");
      return { roots: [{ uri: "file:///project", name: "ü" }] };
    });
  }
  client.setNotificationHandler(
    "notifications/message",
    ({ params }) => seen.push(`log ${params.level} ${params.data}`),
  );
  client.setNotificationHandler(
    "notifications/resources/updated",
    ({ params }) => seen.push(`updated ${params.uri}`),
  );
  client.setNotificationHandler("notifications/tools/list_changed", () => seen.push("tools"));
  client.setNotificationHandler("notifications/prompts/list_changed", () => seen.push("prompts"));
  client.setNotificationHandler("notifications/resources/list_changed", () => seen.push("resources"));

  const [command, ...rest] = programCommand(["proxy", ...args]);
  const Transport = probesInPlace ? OneProcess : StdioClientTransport;
  const transport = new Transport({
    command,
    args: rest,
    cwd: REPOSITORY,
    env: programEnvironment(),
    stderr: "pipe",
  });
  transport.stderr?.on("data", (chunk) => stderr.push(String(chunk)));
  await withoutTimersLeft(() => client.connect(transport));
  const receive = transport.onmessage;
  transport.onmessage = (message) => {
    wire.push(message as WireMessage);
    receive?.(message);
  };
  return {
    client,
    seen,
    asked,
    stderr,
    wire,
    get pid() {
      return transport.pid!;
    },
    async call(name, given = {}) {
      const { content } = await client.callTool({ name, arguments: given });
      return (content as { text: string }[])[0]?.text ?? "";
    },
    listen: (filter) => client.listen(filter),
    [Symbol.asyncDispose]: () => closeStdioClient(client),
  };
}
