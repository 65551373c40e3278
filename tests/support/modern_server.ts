/** A modern-only server of the official SDK v2, with something for each kind of traffic that crosses to it. */
import {
  acceptedContent,
  completable,
  fromJsonSchema,
  inputRequired,
  McpServer,
  ResourceTemplate,
  type ServerNotifier,
  type ServerOptions,
} from "@modelcontextprotocol/server";
import { z } from "zod";

/** What happened in a server, for assertions. */
export interface ModernRecord {
  /** Texts of what happened: `slow`, `cancelled`. */
  readonly events: string[];
  /** Called after each. */
  changed(): void;
}

/** Tells listening clients of changes; over stdio the server's own notifications do. */
export type Tell = Pick<
  ServerNotifier,
  "toolsChanged" | "promptsChanged" | "resourcesChanged" | "resourceUpdated"
>;

/**
 * Makes the server: one for each request over HTTP, one for a connection elsewhere.
 *
 * Tools: `echo {text}`, `list {}` (structured output that is an array), `steps {count}` (progress), `log {text}`, `slow {}`,
 * `who {}` (a form), `open {}` (a URL), `both {}` (a form, sampling and roots at once), `twice {}` (two rounds),
 * `region {region, text}` (a mirrored argument), `touch {uri}`, `change {list}`. Prompts `greet {name}`, `ask {}`.
 * Resources `test://text`, `test://item/{name}`.
 */
export function createModernServer(
  record: ModernRecord,
  notify?: Tell,
  { cacheHints }: Pick<ServerOptions, "cacheHints"> = {},
): McpServer {
  const mcp = new McpServer({ name: "modern-server", version: "2.0.0" }, {
    capabilities: {
      logging: {},
      tools: { listChanged: true },
      prompts: { listChanged: true },
      resources: { subscribe: true, listChanged: true },
      extensions: { "com.example/x": { level: 3 } },
    },
    instructions: "A modern server for tests.",
    ...(cacheHints === undefined ? {} : { cacheHints }),
  });
  const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
  const json = (value: unknown) => text(JSON.stringify(value));
  const told = (what: string) => {
    record.events.push(what);
    record.changed();
  };
  const form = (message: string) =>
    inputRequired.elicit({
      message,
      requestedSchema: { type: "object", properties: { name: { type: "string" } } },
    });

  mcp.registerTool(
    "echo",
    { inputSchema: z.object({ text: z.string() }), annotations: { readOnlyHint: true } },
    ({ text: value }) => text(value),
  );
  mcp.registerTool(
    "list",
    { inputSchema: z.object({}), outputSchema: z.array(z.number()) },
    () => ({ content: [], structuredContent: [1, 2] }),
  );
  mcp.registerTool("steps", { inputSchema: z.object({ count: z.number() }) }, async ({ count }, ctx) => {
    const progressToken = ctx.mcpReq._meta?.progressToken;
    for (let progress = 1; progress <= count && progressToken !== undefined; progress++) {
      await ctx.mcpReq.notify({
        method: "notifications/progress",
        params: { progressToken, progress, total: count },
      });
    }
    return text(`${count} steps`);
  });
  mcp.registerTool("log", { inputSchema: z.object({ text: z.string() }) }, async ({ text: value }, ctx) => {
    await ctx.mcpReq.log("warning", value);
    return text("logged");
  });
  mcp.registerTool("slow", { inputSchema: z.object({}) }, async (_args, ctx) => {
    told("slow");
    const { signal } = ctx.mcpReq;
    if (!signal.aborted) {
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    }
    told("cancelled");
    return text("cancelled");
  });
  mcp.registerTool("who", { inputSchema: z.object({}) }, (_args, ctx) => {
    const responses = ctx.mcpReq.inputResponses;
    if (responses === undefined) {
      return inputRequired({ inputRequests: { who: form("who") }, requestState: "ä\u2028" });
    }
    const name = acceptedContent(responses, "who")?.["name"];
    return json({ name: name ?? null, state: ctx.mcpReq.requestState() });
  });
  mcp.registerTool("open", { inputSchema: z.object({}) }, (_args, ctx) => {
    const responses = ctx.mcpReq.inputResponses;
    return responses === undefined
      ? inputRequired({
        inputRequests: {
          page: inputRequired.elicitUrl({ message: "sign in", url: "https://example.com/in" }),
        },
      })
      : json(responses);
  });
  mcp.registerTool("both", { inputSchema: z.object({}) }, (_args, ctx) => {
    const responses = ctx.mcpReq.inputResponses;
    return responses === undefined
      ? inputRequired({
        inputRequests: {
          form: form("both"),
          model: inputRequired.createMessage({
            messages: [{ role: "user", content: { type: "text", text: "hello?" } }],
            maxTokens: 10,
          }),
          roots: inputRequired.listRoots(),
        },
      })
      : json(responses);
  });
  mcp.registerTool("twice", { inputSchema: z.object({}) }, (_args, ctx) => {
    const state = ctx.mcpReq.requestState<string>();
    if (state === undefined) {
      return inputRequired({ inputRequests: { first: form("first") }, requestState: "1" });
    }
    if (state === "1") return inputRequired({ inputRequests: { second: form("second") }, requestState: "2" });
    return json(ctx.mcpReq.inputResponses ?? null);
  });
  mcp.registerTool("region", {
    inputSchema: fromJsonSchema<{ region: string }>(REGION_SCHEMA),
  }, ({ region }) => text(`region ${region}`));
  mcp.registerTool("touch", { inputSchema: z.object({ uri: z.string() }) }, async ({ uri }) => {
    if (notify === undefined) await mcp.server.sendResourceUpdated({ uri });
    else notify.resourceUpdated(uri);
    return text("touched");
  });
  mcp.registerTool("change", { inputSchema: z.object({ list: z.string() }) }, ({ list }) => {
    if (list === "tools") notify === undefined ? mcp.sendToolListChanged() : notify.toolsChanged();
    else if (list === "prompts") notify === undefined ? mcp.sendPromptListChanged() : notify.promptsChanged();
    else notify === undefined ? mcp.sendResourceListChanged() : notify.resourcesChanged();
    return text("changed");
  });

  mcp.registerPrompt(
    "greet",
    {
      argsSchema: z.object({
        name: completable(z.string(), (value) => NAMES.filter((it) => it.startsWith(value ?? ""))),
      }),
    },
    ({ name }) => ({ messages: [{ role: "user", content: { type: "text", text: `Greet ${name}` } }] }),
  );
  mcp.registerPrompt("ask", { argsSchema: z.object({}) }, (_args, ctx) => {
    const name = acceptedContent(ctx.mcpReq.inputResponses, "who")?.["name"];
    return name === undefined
      ? inputRequired({ inputRequests: { who: form("prompt") } })
      : { messages: [{ role: "user", content: { type: "text", text: `For ${name}` } }] };
  });
  mcp.registerResource("text", "test://text", { mimeType: "text/plain" }, (uri) => ({
    contents: [{ uri: uri.href, mimeType: "text/plain", text: "a text" }],
  }));
  mcp.registerResource(
    "item",
    new ResourceTemplate("test://item/{name}", { list: undefined }),
    {},
    (uri, { name }) => ({
      contents: [{ uri: uri.href, text: String(name) }],
    }),
  );
  return mcp;
}

/** One argument is mirrored into the header `Mcp-Param-Region`. */
const REGION_SCHEMA: Record<string, unknown> = {
  type: "object",
  properties: { region: { type: "string", "x-mcp-header": "Region" }, text: { type: "string" } },
  required: ["region"],
};

const NAMES = ["Ada", "Alan", "Grace"];
