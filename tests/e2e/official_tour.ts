/** The official client's way through everything that the SDK's test server offers. */
import assert from "node:assert/strict";
// @ts-types="@modelcontextprotocol/sdk/client/index"
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  EmptyResultSchema,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  PromptListChangedNotificationSchema,
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { createInbox, type Inbox } from "../support/inbox.ts";
import { programCommand } from "../support/program.ts";
import { closeStdioClient, stdioTransport } from "../support/sdk_stdio_client.ts";

/** An official client that runs the real program. */
export interface OfficialClient extends AsyncDisposable {
  readonly client: Client;
  /** What the server said unasked: `log LEVEL DATA`, `updated URI`, `tools`, `prompts`, `resources`. */
  readonly seen: Inbox<string>;
  /** Calls a tool and gives its text. */
  call(name: string, args?: Record<string, unknown>): Promise<string>;
}

/** Connects the official stdio client to `proxy` with these arguments. */
export async function officialClient(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<OfficialClient> {
  const client = new Client({ name: "official", version: "1" }, {
    capabilities: { sampling: {}, elicitation: {}, roots: { listChanged: true } },
  });
  client.setRequestHandler(CreateMessageRequestSchema, ({ params }) => ({
    model: "test",
    role: "assistant" as const,
    content: { type: "text" as const, text: `sampled ${JSON.stringify(params.messages[0]?.content)}` },
  }));
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
    action: "accept" as const,
    content: { name: `Ada (${params.message})` },
  }));
  client.setRequestHandler(
    ListRootsRequestSchema,
    () => ({ roots: [{ uri: "file:///project", name: "ü" }] }),
  );
  const seen = createInbox<string>((items) => `seen: ${items.join("; ") || "nothing"}`);
  client.setNotificationHandler(
    LoggingMessageNotificationSchema,
    ({ params }) => seen.push(`log ${params.level} ${params.data}`),
  );
  client.setNotificationHandler(
    ResourceUpdatedNotificationSchema,
    ({ params }) => seen.push(`updated ${params.uri}`),
  );
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => seen.push("tools"));
  client.setNotificationHandler(PromptListChangedNotificationSchema, () => seen.push("prompts"));
  client.setNotificationHandler(ResourceListChangedNotificationSchema, () => seen.push("resources"));
  await client.connect(stdioTransport(programCommand(["proxy", ...args]), { env }));
  return {
    client,
    seen,
    async call(name, args = {}) {
      const { content } = await client.callTool({ name, arguments: args });
      return (content as { text: string }[])[0]?.text ?? "";
    },
    [Symbol.asyncDispose]: () => closeStdioClient(client),
  };
}

/** The requests and answers: every server can take part. */
export async function askEverything({ client, call }: OfficialClient): Promise<void> {
  assert.equal(client.getServerVersion()?.name, "sdk-server");
  assert.equal(client.getInstructions(), "A server for tests.");
  assert.deepEqual(client.getServerCapabilities()?.logging, {});
  assert.deepEqual(await client.ping(), {});

  assert.equal((await client.listTools()).tools.length, 17);
  assert.equal(await call("echo", { text: "ü \u2028 😀" }), "ü \u2028 😀");
  const added = await client.callTool({ name: "add", arguments: { a: 1, b: 2 } });
  assert.deepEqual(added.structuredContent, { sum: 3 });
  assert.equal((await client.callTool({ name: "fail", arguments: {} })).isError, true);
  assert.equal((await call("big", { bytes: 1_000_000 })).length, 1_000_000);
  const many = Array.from({ length: 50 }, (_, i) => `text ${i}`);
  assert.deepEqual(await Promise.all(many.map((text) => call("echo", { text }))), many);

  assert.equal((await client.listResources()).resources[0]?.uri, "test://text");
  const { resourceTemplates } = await client.listResourceTemplates();
  assert.equal(resourceTemplates[0]?.uriTemplate, "test://item/{name}");
  const { contents } = await client.readResource({ uri: "test://item/Ada" });
  assert.equal((contents[0] as { text: string }).text, "Ada");
  assert.equal((await client.listPrompts()).prompts[0]?.name, "greet");
  assert.equal((await client.getPrompt({ name: "greet", arguments: { name: "Ada" } })).messages.length, 1);
  const { completion } = await client.complete({
    ref: { type: "ref/prompt", name: "greet" },
    argument: { name: "name", value: "A" },
  });
  assert.deepEqual(completion.values, ["Ada", "Alan"]);

  await assert.rejects(
    client.request({ method: "x-vendor/unknown", params: { a: 1 } }, EmptyResultSchema),
    ({ code }: { code: number }) => code === -32601,
  );
  await assert.rejects(
    client.readResource({ uri: "test://nowhere" }),
    ({ code }: { code: number }) => code === -32602,
  );
}

/** What the server says and asks while it works on a request. */
export async function hearServer({ client, call, seen }: OfficialClient): Promise<void> {
  const question = await call("sample", { prompt: "hello?" });
  assert.match(JSON.parse(question).content.text, /sampled .*hello\?/);
  assert.deepEqual(JSON.parse(await call("elicit", { message: "who" })).content, { name: "Ada (who)" });
  assert.deepEqual(JSON.parse(await call("roots")), { roots: [{ uri: "file:///project", name: "ü" }] });

  // Counted below the client: it forgets a call's progress handler as soon as the answer is in the same chunk.
  const steps: unknown[] = [];
  const { transport } = client;
  const receive = transport!.onmessage;
  transport!.onmessage = (message, extra) => {
    if ("method" in message && message.method === "notifications/progress") {
      steps.push(message.params?.["progress"]);
    }
    receive?.(message, extra);
  };
  await client.callTool({ name: "progress", arguments: { steps: 20 } }, undefined, { onprogress: () => {} });
  assert.deepEqual(steps, Array.from({ length: 20 }, (_, i) => i + 1));
  await call("log", { level: "error", data: "one" });
  await seen.find((item) => item === "log error one");
}

/** What belongs to the session: subscriptions, changed lists, messages that belong to no request. */
export async function liveInSession({ client, call, seen }: OfficialClient): Promise<void> {
  await client.subscribeResource({ uri: "test://text" });
  await call("touch", { uri: "test://text" });
  await seen.find((item) => item === "updated test://text");
  await client.unsubscribeResource({ uri: "test://text" });
  await call("touch", { uri: "test://text" });
  for (const list of ["tools", "prompts", "resources"]) {
    await call("change", { list });
    await seen.find((item) => item === list);
  }
  await call("late", { message: "two" });
  await seen.find((item) => item === "log info two");
  assert.equal(seen.items.filter((item) => item.startsWith("updated")).length, 1);
}

/** The client's log level is the server's; only where wires have no session ids, with which the SDK keeps levels apart. */
export async function setLevels({ client, call, seen }: OfficialClient): Promise<void> {
  await client.setLoggingLevel("error");
  await call("late", { message: "too quiet" });
  await client.setLoggingLevel("info");
  await call("late", { message: "loud enough" });
  await seen.find((item) => item === "log info loud enough");
  assert.equal(seen.items.includes("log info too quiet"), false);
}
