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
  /** What a workload's platform gives it. */
  readonly valid_jwt?: string;
  /** What the user's identity provider gives. */
  readonly idp_id_token?: string;
  readonly idp_token_endpoint?: string;
  readonly idp_client_id?: string;
}

export interface ProgramStart {
  readonly args: readonly string[];
  readonly env: Record<string, string>;
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
  return { args: [...args, ...signInArgs(scenario, context)], env: signInEnvironment(context) };
}

// Signing in -----------------------------------------------------------------------------------------------------

/** The client ID metadata document that the suite takes. */
const DOCUMENT = "https://conformance-test.local/client-metadata.json";

function signInArgs(scenario: string, context: SuiteContext): string[] {
  if (!scenario.startsWith("auth/")) return [];
  const { client_id: id, private_key_pem: key, signing_algorithm: algorithm } = context;
  return [
    ...["--auth-wait", "20"],
    ...(id === undefined ? ["--client-metadata-url", DOCUMENT] : ["--client-id", id]),
    ...(scenario.includes("client-credentials") ? ["--client-credentials"] : []),
    ...(key === undefined ? [] : ["--client-private-key", fileOf(key)]),
    ...(algorithm === undefined ? [] : ["--client-key-algorithm", algorithm]),
    ...vouchedArgs(context),
  ];
}

/** What somebody else says of the workload, or of the user. */
function vouchedArgs(
  { valid_jwt: workload, idp_id_token: idToken, idp_token_endpoint, idp_client_id }: SuiteContext,
): string[] {
  return [
    ...(workload === undefined ? [] : ["--workload-token-file", fileOf(workload)]),
    ...(idToken === undefined ? [] : ["--id-token-file", fileOf(idToken)]),
    ...(idp_token_endpoint === undefined ? [] : ["--idp-token-url", idp_token_endpoint]),
    ...(idp_client_id === undefined ? [] : ["--idp-client-id", idp_client_id]),
  ];
}

/** The program takes keys and tokens of others from files only. */
function fileOf(text: string): string {
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, text);
  return path;
}

function signInEnvironment({ client_secret: secret }: SuiteContext): Record<string, string> {
  const browser = new URL("./browser.ts", import.meta.url).pathname;
  return {
    BROWSER: `${Deno.execPath()} run --quiet --allow-net ${browser} %s`,
    ...(secret === undefined ? {} : { MCP_CONNECT_CLIENT_SECRET: secret }),
  };
}
