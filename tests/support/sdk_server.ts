/** A server of the official SDK v1 with a tool for each kind of traffic; what it stands on is not its concern. */
// @ts-types="@modelcontextprotocol/sdk/server/mcp"
import { McpServer, ResourceTemplate } from "@modelcontextprotocol/sdk/server/mcp.js";
// @ts-types="@modelcontextprotocol/sdk/server/completable"
import { completable } from "@modelcontextprotocol/sdk/server/completable.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import {
  CreateMessageResultSchema,
  ElicitResultSchema,
  ListRootsResultSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";
import { addQuestions } from "./sdk_server_questions.ts";

/** What happened in a server, for assertions; only servers in the test's own process can show it. */
export interface SdkServerRecord {
  /** Ids of the `slow` calls that were cancelled. */
  readonly cancelled: (string | number)[];
  /** Ids of the `slow` calls that have begun. */
  readonly slow: (string | number)[];
  readonly subscriptions: Set<string>;
  /** Called after each change of the above. */
  changed(): void;
}

/** Makes an empty record. */
export function sdkServerRecord(changed: () => void = () => {}): SdkServerRecord {
  return { cancelled: [], slow: [], subscriptions: new Set(), changed };
}

/**
 * Makes the server, not yet connected.
 *
 * Tools: `echo {text}`, `add {a, b}`, `progress {steps}` (that many progress notifications), `log {level, data}`,
 * `elicit {message}`, `sample {prompt}`, `roots`, `slow` (answers only when cancelled, which is never seen),
 * `big {bytes}` (a text of so many), `fail`, `touch {uri}` (sends `resources/updated` to subscribers),
 * `change {list}` (sends `list_changed` of tools, prompts or resources), `late {message}` (a notification that
 * belongs to no request). Resources: `test://text`, `test://item/{name}`. Prompt: `greet {name}` with completion. And what
 * {@linkcode addQuestions} adds.
 */
export function createSdkServer(record: SdkServerRecord = sdkServerRecord()): McpServer {
  const mcp = new McpServer({ name: "sdk-server", version: "1.0.0" }, {
    capabilities: { logging: {}, resources: { subscribe: true, listChanged: true } },
    instructions: "A server for tests.",
  });
  const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
  const json = (value: unknown) => text(JSON.stringify(value));

  mcp.registerTool(
    "echo",
    {
      description: "Gives the text back",
      inputSchema: { text: z.string() },
      annotations: { readOnlyHint: true },
    },
    ({ text: value }) => text(value),
  );
  mcp.registerTool(
    "add",
    {
      description: "Adds two numbers",
      inputSchema: { a: z.number(), b: z.number() },
      outputSchema: { sum: z.number() },
    },
    ({ a, b }) => ({ ...text(String(a + b)), structuredContent: { sum: a + b } }),
  );
  mcp.registerTool(
    "progress",
    { description: "Sends progress notifications", inputSchema: { steps: z.number() } },
    async ({ steps }, { _meta, sendNotification }) => {
      const progressToken = _meta?.progressToken;
      for (let progress = 1; progress <= steps && progressToken !== undefined; progress++) {
        await sendNotification({
          method: "notifications/progress",
          params: { progressToken, progress, total: steps, message: `step ${progress}` },
        });
      }
      return text(`${steps} steps`);
    },
  );
  mcp.registerTool(
    "log",
    {
      description: "Sends a log message",
      inputSchema: { level: z.enum(["debug", "info", "warning", "error"]), data: z.unknown() },
    },
    async ({ level, data }, { sendNotification }) => {
      await sendNotification({ method: "notifications/message", params: { level, logger: "test", data } });
      return text("logged");
    },
  );
  mcp.registerTool(
    "elicit",
    { description: "Asks the user", inputSchema: { message: z.string() } },
    async ({ message }, { sendRequest }) =>
      json(
        await sendRequest({
          method: "elicitation/create",
          params: {
            message,
            requestedSchema: { type: "object", properties: { name: { type: "string" } } },
          },
        }, ElicitResultSchema),
      ),
  );
  mcp.registerTool(
    "sample",
    { description: "Asks the model", inputSchema: { prompt: z.string() } },
    async ({ prompt }, { sendRequest }) =>
      json(
        await sendRequest({
          method: "sampling/createMessage",
          params: {
            messages: [{ role: "user", content: { type: "text", text: prompt } }],
            maxTokens: 100,
          },
        }, CreateMessageResultSchema),
      ),
  );
  mcp.registerTool(
    "roots",
    { description: "Asks for the client's roots" },
    async ({ sendRequest }) => json(await sendRequest({ method: "roots/list" }, ListRootsResultSchema)),
  );
  mcp.registerTool("slow", { description: "Waits until cancelled" }, async ({ signal, requestId }) => {
    record.slow.push(requestId);
    record.changed();
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    record.cancelled.push(requestId);
    record.changed();
    return text("cancelled");
  });
  mcp.registerTool(
    "big",
    { description: "Gives a text of so many bytes", inputSchema: { bytes: z.number() } },
    ({ bytes }) => text("a".repeat(bytes)),
  );
  mcp.registerTool("fail", { description: "Fails" }, () => ({ ...text("it failed"), isError: true }));
  mcp.registerTool(
    "touch",
    { description: "Updates a resource", inputSchema: { uri: z.string() } },
    async ({ uri }) => {
      if (record.subscriptions.has(uri)) await mcp.server.sendResourceUpdated({ uri });
      return text("touched");
    },
  );
  mcp.registerTool(
    "change",
    { description: "Changes a list", inputSchema: { list: z.enum(["tools", "prompts", "resources"]) } },
    ({ list }) => {
      if (list === "tools") mcp.sendToolListChanged();
      else if (list === "prompts") mcp.sendPromptListChanged();
      else mcp.sendResourceListChanged();
      return text("changed");
    },
  );
  mcp.registerTool(
    "late",
    { description: "Sends a log message that belongs to no request", inputSchema: { message: z.string() } },
    async ({ message }) => {
      await mcp.server.sendLoggingMessage({ level: "info", data: message });
      return text("sent");
    },
  );

  mcp.registerResource("text", "test://text", { mimeType: "text/plain" }, (uri) => ({
    contents: [{ uri: uri.href, mimeType: "text/plain", text: "a text" }],
  }));
  mcp.registerResource(
    "item",
    new ResourceTemplate("test://item/{name}", {
      list: undefined,
      complete: { name: (value) => ITEMS.filter((item) => item.startsWith(value)) },
    }),
    {},
    (uri, { name }) => ({ contents: [{ uri: uri.href, text: String(name) }] }),
  );
  mcp.server.setRequestHandler(SubscribeRequestSchema, ({ params }) => {
    record.subscriptions.add(params.uri);
    record.changed();
    return {};
  });
  mcp.server.setRequestHandler(UnsubscribeRequestSchema, ({ params }) => {
    record.subscriptions.delete(params.uri);
    record.changed();
    return {};
  });
  mcp.registerPrompt(
    "greet",
    {
      description: "A greeting",
      argsSchema: {
        name: completable(z.string(), (value) => ITEMS.filter((item) => item.startsWith(value))),
      },
    },
    ({ name }) => ({ messages: [{ role: "user", content: { type: "text", text: `Greet ${name}` } }] }),
  );
  addQuestions(mcp);
  return mcp;
}

const ITEMS = ["Ada", "Alan", "Grace"];
