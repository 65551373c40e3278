/**
 * How the program is started for a scenario: its flags and its environment, from what the suite tells a client. This is
 * the one place where what a scenario needs of the program, credentials above all, becomes options of it.
 */

/** What the suite tells a client beside the URL (`MCP_CONFORMANCE_CONTEXT`). */
export interface SuiteContext {
  readonly name?: string;
  /** Tools to call, with their arguments. */
  readonly toolCalls?: readonly { readonly name: string; readonly arguments: Record<string, unknown> }[];
  /** Credentials for the scenarios of signing in. */
  readonly client_id?: string;
  readonly client_secret?: string;
  readonly private_key_pem?: string;
  readonly signing_algorithm?: string;
}

export interface ProgramStart {
  readonly args: readonly string[];
  readonly env: Record<string, string>;
}

/** Scenarios of signing in; the program can't yet. */
export function needsSignIn(scenario: string): boolean {
  return scenario.startsWith("auth/");
}

/** The program's start for a scenario whose server is at this URL. */
export function programStart(
  scenario: string,
  client: "legacy" | "modern",
  url: string,
  context: SuiteContext,
): ProgramStart {
  const args = ["proxy", "--endpoint", url];
  // It judges every POST, so none may go out that asks which era the server is of.
  if (scenario === "request-metadata" && client === "legacy") args.push("--protocol", "modern");
  return { args: [...args, ...signInArgs(context)], env: signInEnvironment(context) };
}

// Signing in: what the context brings goes to the program here, once it has options for it.

function signInArgs(_context: SuiteContext): string[] {
  return [];
}

function signInEnvironment(_context: SuiteContext): Record<string, string> {
  return {};
}
