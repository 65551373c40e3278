/** What else a server of the official SDK v1 may want to know before it goes on. */
// @ts-types="@modelcontextprotocol/sdk/server/mcp"
import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import {
  CreateMessageResultSchema,
  ElicitResultSchema,
  ListRootsResultSchema,
  McpError,
  UrlElicitationRequiredError,
} from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";

/**
 * Adds what asks more than one thing, or asks elsewhere.
 *
 * Tools: `open {url}` (a URL), `both {}` (a form, sampling and roots at once), `twice {}` (two rounds), `signIn {}` (fails with
 * -32042 the first time). Prompt `ask {}` and resource `test://asked` ask for a form; `test://gone` fails with -32002.
 */
export function addQuestions(mcp: McpServer): void {
  const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
  const form = (message: string) => ({
    method: "elicitation/create" as const,
    params: {
      message,
      requestedSchema: { type: "object" as const, properties: { name: { type: "string" as const } } },
    },
  });
  const page = (url: string) => ({ mode: "url" as const, message: "sign in", url, elicitationId: "page-1" });

  mcp.registerTool(
    "open",
    { description: "Shows a page", inputSchema: { url: z.string() } },
    async ({ url }, { sendRequest }) =>
      text(JSON.stringify(
        await sendRequest({ method: "elicitation/create", params: page(url) }, ElicitResultSchema),
      )),
  );
  mcp.registerTool("both", { description: "Asks three things at once" }, async ({ sendRequest }) => {
    const [who, model, roots] = await Promise.all([
      sendRequest(form("both"), ElicitResultSchema),
      sendRequest({
        method: "sampling/createMessage",
        params: { messages: [{ role: "user", content: { type: "text", text: "hello?" } }], maxTokens: 10 },
      }, CreateMessageResultSchema),
      sendRequest({ method: "roots/list" }, ListRootsResultSchema),
    ]);
    return text(JSON.stringify({ who, model, roots }));
  });
  mcp.registerTool("twice", { description: "Asks one thing after the other" }, async ({ sendRequest }) => {
    const first = await sendRequest(form("first"), ElicitResultSchema);
    const second = await sendRequest(form("second"), ElicitResultSchema);
    return text(JSON.stringify({ first, second }));
  });
  let opened = false;
  mcp.registerTool("signIn", { description: "Wants a page to be opened first" }, () => {
    if (opened) return text("signed in");
    opened = true;
    throw new UrlElicitationRequiredError([page("https://example.com/in")]);
  });
  mcp.registerPrompt("ask", { description: "Asks for whom" }, async ({ sendRequest }) => {
    const { content } = await sendRequest(form("prompt"), ElicitResultSchema);
    return { messages: [{ role: "user", content: { type: "text", text: `For ${content?.["name"]}` } }] };
  });
  mcp.registerResource("asked", "test://asked", {}, async (uri, { sendRequest }) => {
    const { content } = await sendRequest(form("resource"), ElicitResultSchema);
    return { contents: [{ uri: uri.href, text: `For ${content?.["name"]}` }] };
  });
  mcp.registerResource("gone", "test://gone", {}, () => {
    throw new McpError(-32002, "Resource not found");
  });
}
