import {
  type InitializeOptions,
  type Program,
  type ProgramOptions,
  startProgram,
} from "../support/program.ts";
import type { RawLineServer } from "../support/raw_line_server.ts";
import type { RawServer } from "../support/raw_server.ts";
import type { WireMessage } from "../support/wire_message.ts";

/** What may differ from a plain `load-balance --endpoints …`. */
export interface BalancedOptions extends ProgramOptions {
  /** More arguments. */
  readonly args?: readonly string[];
  /** The vector of a command that is an upstream too. */
  readonly child?: readonly string[];
  /** What the client says of itself. */
  readonly initialize?: InitializeOptions;
}

/** A server that a test scripts, of either wire. */
export type ScriptedServer = RawServer | RawLineServer;

/**
 * Starts `load-balance` for endpoints; nothing has been said yet. Upstreams are not checked unless the test asks for it, so
 * that they get what the client says and nothing else; and what is in flight at the end is not waited for.
 */
export function startBalanced(
  endpoints: readonly string[],
  { args = [], child, ...options }: BalancedOptions = {},
): Program {
  const usual = Object.entries({ "--health-interval": "0", "--drain-timeout": "0.2" })
    .flatMap(([name, value]) => args.includes(name) ? [] : [name, value]);
  return startProgram([
    "load-balance",
    "--endpoints",
    endpoints.join(","),
    ...usual,
    ...args,
    ...(child === undefined ? [] : ["--", ...child]),
  ], options);
}

/** Starts `load-balance` and performs the handshake. */
export async function balanced(
  endpoints: readonly string[],
  options: BalancedOptions = {},
): Promise<Program> {
  const program = startBalanced(endpoints, options);
  try {
    await program.initialize(options.initialize);
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** Where a server is. */
export function placeOf(server: ScriptedServer): string {
  return "endpoint" in server ? server.endpoint : server.url;
}

/** What a server was sent, in order. */
export function sentTo(server: ScriptedServer): WireMessage[] {
  const items: readonly { readonly messages: readonly WireMessage[] }[] = "received" in server &&
      Array.isArray(server.received)
    ? server.received
    : (server as RawServer).requests;
  return items.flatMap(({ messages }) => messages);
}

/** The messages of one method that a server was sent. */
export function sentOf(server: ScriptedServer, method: string): WireMessage[] {
  return sentTo(server).filter((it) => it.method === method);
}

/** Calls a tool and gives its answer. */
export function callTool(
  program: Program,
  name: string,
  args: Record<string, unknown> = {},
): Promise<WireMessage> {
  return program.request("tools/call", { name, arguments: args });
}
