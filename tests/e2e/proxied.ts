import {
  type InitializeOptions,
  type Program,
  type ProgramOptions,
  startProgram,
} from "../support/program.ts";

/** What may differ from a plain `proxy --endpoint …`. */
export interface ProxiedOptions extends ProgramOptions {
  /** More arguments for `proxy`. */
  readonly args?: readonly string[];
  /** What the client says of itself. */
  readonly initialize?: InitializeOptions;
}

/** Starts `proxy` for an endpoint, or for the vector of a command; nothing has been said yet. */
export function startProxy(
  endpoint: string | readonly string[],
  { args = [], ...options }: ProxiedOptions = {},
): Program {
  const where = typeof endpoint === "string"
    ? ["--endpoint", endpoint, ...args]
    : [...args, "--", ...endpoint];
  return startProgram(["proxy", ...where], options);
}

/** Starts `proxy` and performs the handshake. */
export async function proxied(
  endpoint: string | readonly string[],
  options: ProxiedOptions = {},
): Promise<Program> {
  const program = startProxy(endpoint, options);
  try {
    await program.initialize(options.initialize);
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** A client's `initialize`, as a line without its end. */
export function initializeLine(id: unknown = 1, protocolVersion = "2025-11-25"): string {
  const clientInfo = { name: "test-client", version: "1.0.0" };
  return JSON.stringify({
    jsonrpc: "2.0",
    id,
    method: "initialize",
    params: { protocolVersion, capabilities: {}, clientInfo },
  });
}

/** The `initialized` notification, as a line without its end. */
export const INITIALIZED_LINE = '{"jsonrpc":"2.0","method":"notifications/initialized"}';
