/** What the client does in each of the suite's client scenarios. */
import type { Answers, DrivenClient, FormShape, FormValue, ShownTool } from "./client.ts";
import type { SuiteContext } from "./program_options.ts";

/** A scenario's part of a client. */
export interface Part {
  run(client: DrivenClient, context: SuiteContext): Promise<void>;
  /**
   * What else the client does while a form is open.
   *
   * @default nothing
   */
  meanwhile?(client: DrivenClient): Promise<void>;
}

/** The parts; a scenario that is not here lists the tools, which is enough for most of those about signing in. */
const PARTS: Readonly<Record<string, Part>> = {
  "tools_call": {
    async run(client) {
      await listTools(client);
      await client.callTool("add_numbers", { a: 5, b: 3 });
    },
  },
  "elicitation-sep1034-client-defaults": { run: callAll },
  "sse-retry": { run: callAll },
  "sep-2322-client-request-state": {
    async run(client) {
      await listTools(client);
      await client.callTool("test_mrtr_echo_state");
      await client.callTool("test_mrtr_no_state");
      // The SDK v2 refuses a result without `resultType`; the suite wants it to be taken, and not to be asked again.
      await client.callTool("test_mrtr_no_result_type").catch(() => {});
    },
    // Nothing of the call that waits may get into this one.
    meanwhile: async (client) => void await client.callTool("test_mrtr_unrelated"),
  },
  "http-standard-headers": {
    async run(client) {
      await callAll(client);
      const { resources } = await client.request("resources/list") as { resources: { uri: string }[] };
      for (const { uri } of resources) await client.request("resources/read", { uri });
      const { prompts } = await client.request("prompts/list") as { prompts: { name: string }[] };
      for (const { name } of prompts) await client.request("prompts/get", { name });
    },
  },
  "http-custom-headers": {
    async run(client, { toolCalls = [] }) {
      await listTools(client);
      for (const { name, arguments: args } of toolCalls) await client.callTool(name, args);
    },
  },
  // The tools that the program should have left out are called too, if it shows them.
  "http-invalid-tool-headers": { run: callAll },
  "json-schema-2020-12-preservation": {
    async run(client) {
      const tool = (await listTools(client)).find(({ name }) => name === "json_schema_2020_12_tool");
      await client.callTool("json_schema_echo", { schema: tool?.inputSchema });
    },
  },
};

const LISTING: Part = { run: async (client) => void await listTools(client) };

/** The client's part of a scenario. */
export function partOf(scenario: string): Part {
  return PARTS[scenario] ?? LISTING;
}

async function listTools(client: DrivenClient): Promise<readonly ShownTool[]> {
  const { tools } = await client.request("tools/list") as { tools: ShownTool[] };
  return tools;
}

/** Calls every tool that is shown. */
async function callAll(client: DrivenClient): Promise<void> {
  for (const { name, inputSchema } of await listTools(client)) {
    await client.callTool(name, someArguments(inputSchema));
  }
}

const SOME: Readonly<Record<string, unknown>> = {
  string: "text",
  integer: 1,
  number: 1.5,
  boolean: true,
  object: {},
  array: [],
};

/** Arguments that fit a tool's schema well enough. */
export function someArguments({ properties = {}, required = [] }: ShownTool["inputSchema"]) {
  return Object.fromEntries(required.map((name) => [name, SOME[properties[name]?.type ?? ""] ?? null]));
}

/** Fills a form in with its default values, as a user does who only confirms. */
export function confirmed({ properties = {} }: FormShape): Record<string, FormValue> {
  return Object.fromEntries(
    Object.entries(properties).map(([name, { type, default: value }]) => [
      name,
      (value ?? (type === "boolean" ? true : SOME[type ?? "string"])) as FormValue,
    ]),
  );
}

/** The answers to forms, for a part. */
export function answersOf(part: Part, client: () => DrivenClient): Answers {
  return {
    async fill(schema) {
      await part.meanwhile?.(client());
      return confirmed(schema);
    },
  };
}
