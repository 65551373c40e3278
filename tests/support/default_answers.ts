import type { WireMessage } from "./wire_message.ts";

/** The revisions with an `initialize` handshake, oldest first. */
export const LEGACY_REVISIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] as const;

/** What a scripted server says of itself. */
export interface DefaultAnswers {
  /** The revision to answer `initialize` with. @default the client's, when known; else the latest */
  readonly revision?: string;
  /** @default {tools: {}, logging: {}} */
  readonly capabilities?: Record<string, unknown>;
  /** @default {name: "raw-server", version: "1.0.0"} */
  readonly serverInfo?: Record<string, unknown>;
  readonly instructions?: string;
  /** @default one tool, `echo` */
  readonly tools?: readonly unknown[];
}

/** The revision a server with these settings chooses for this `initialize`. */
export function chosenRevision(message: WireMessage, { revision }: DefaultAnswers): string {
  const wanted = String(message.params?.protocolVersion);
  return revision ?? (LEGACY_REVISIONS.find((known) => known === wanted) ?? "2025-11-25");
}

/**
 * What a plain server answers: the handshake, `ping`, lists, `logging/setLevel`, and `tools/call`, which
 * gives its arguments back as `structuredContent` and as a text of JSON. Other methods get -32601.
 */
export function defaultAnswer(message: WireMessage, settings: DefaultAnswers = {}): WireMessage {
  const { id = null, method = "", params } = message;
  const results: Record<string, () => unknown> = {
    initialize: () => ({
      protocolVersion: chosenRevision(message, settings),
      capabilities: settings.capabilities ?? { tools: {}, logging: {} },
      serverInfo: settings.serverInfo ?? { name: "raw-server", version: "1.0.0" },
      ...(settings.instructions === undefined ? {} : { instructions: settings.instructions }),
    }),
    ping: () => ({}),
    "logging/setLevel": () => ({}),
    "tools/list": () => ({ tools: settings.tools ?? [ECHO_TOOL] }),
    "resources/list": () => ({ resources: [] }),
    "resources/templates/list": () => ({ resourceTemplates: [] }),
    "prompts/list": () => ({ prompts: [] }),
    "tools/call": () => ({
      content: [{ type: "text", text: JSON.stringify(params?.arguments ?? {}) }],
      structuredContent: params?.arguments ?? {},
    }),
  };
  const result = results[method];
  return result === undefined
    ? { jsonrpc: "2.0", id, error: { code: -32601, message: `Method not found: ${method}` } }
    : { jsonrpc: "2.0", id, result: result() };
}

const ECHO_TOOL = {
  name: "echo",
  description: "Gives its arguments back",
  inputSchema: { type: "object", additionalProperties: true },
};
