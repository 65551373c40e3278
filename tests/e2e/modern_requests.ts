/** Requests of the modern era for tests that write a client's side by hand. */
import type { Program } from "../support/program.ts";
import type { WireMessage } from "../support/wire_message.ts";

/** What the envelope of a request says. */
export interface EnvelopeOptions {
  /** @default "2026-07-28" */
  readonly revision?: string;
  /** @default {} */
  readonly capabilities?: Record<string, unknown>;
  readonly logLevel?: string;
  /** More of `_meta`. */
  readonly more?: Record<string, unknown>;
}

/** All that a client can be asked for. */
export const ABLE = { elicitation: { form: {}, url: {} }, sampling: {}, roots: {} };

/** `_meta` with the envelope. */
export function envelope(
  { revision = "2026-07-28", capabilities = {}, logLevel, more = {} }: EnvelopeOptions = {},
): Record<string, unknown> {
  return {
    ...more,
    "io.modelcontextprotocol/protocolVersion": revision,
    "io.modelcontextprotocol/clientCapabilities": capabilities,
    "io.modelcontextprotocol/clientInfo": { name: "raw-modern-client", version: "1" },
    ...(logLevel === undefined ? {} : { "io.modelcontextprotocol/logLevel": logLevel }),
  };
}

/** The envelope that {@linkcode envelope} makes by default, as it stands in a line. */
export const ENVELOPE = `"_meta":${JSON.stringify(envelope())}`;

/** A request of a modern client. */
export function modernRequest(
  id: string | number,
  method: string,
  params: Record<string, unknown> = {},
  options: EnvelopeOptions = {},
): WireMessage {
  return { jsonrpc: "2.0", id, method, params: { ...params, _meta: envelope(options) } };
}

/** Sends a request of a modern client and waits for its answer. */
export async function ask(
  program: Program,
  id: string | number,
  method: string,
  params: Record<string, unknown> = {},
  options: EnvelopeOptions = {},
): Promise<WireMessage> {
  const answer = program.response(id);
  answer.catch(() => {});
  await program.send(modernRequest(id, method, params, options));
  return await answer;
}

/** Opens a `subscriptions/listen` and waits for its acknowledgement: what is listened for. */
export async function listenFor(
  program: Program,
  id: string | number,
  notifications: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  await program.send(modernRequest(id, "subscriptions/listen", { notifications }));
  const { params } = await program.next(({ method, params }) =>
    method === "notifications/subscriptions/acknowledged" && subscriptionOf(params) === id
  );
  return params.notifications;
}

/** The next notification of this method for the subscription with this id. */
export function nextFor(program: Program, id: string | number, method: string): Promise<WireMessage> {
  return program.next((message) => message.method === method && subscriptionOf(message.params) === id);
}

// deno-lint-ignore no-explicit-any
function subscriptionOf(params: any): unknown {
  return params?._meta?.["io.modelcontextprotocol/subscriptionId"];
}
