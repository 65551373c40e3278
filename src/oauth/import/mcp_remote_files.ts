import { serverWords } from "../errors.ts";

/** What mcp-remote has kept of a sign-in. */
export interface McpRemoteSignIn {
  /** The file the tokens were in. */
  readonly path: string;
  readonly accessToken: string;
  readonly refreshToken?: string;
  /** When the access token runs out, in milliseconds since 1970. */
  readonly expiresAt?: number;
  readonly scopes?: readonly string[];
  readonly requestedScopes?: readonly string[];
  /** Who has issued the tokens; older versions don't note it. */
  readonly issuer?: string;
  /** The client that was registered; one that the user gave is not kept. */
  readonly client?: McpRemoteClient;
}

/** A client that mcp-remote has registered. */
export interface McpRemoteClient {
  readonly clientId: string;
  readonly clientSecret?: string;
  /** In milliseconds since 1970. */
  readonly secretExpiresAt?: number;
  readonly authMethod?: string;
  readonly issuer?: string;
}

/** Where mcp-remote keeps what it has: its own variable, or the user's home. */
export function mcpRemoteFolder(variable: (name: string) => string | undefined): string | undefined {
  const own = variable("MCP_REMOTE_CONFIG_DIR");
  if (own) return own;
  const home = variable(Deno.build.os === "windows" ? "USERPROFILE" : "HOME");
  return home ? `${home}/.mcp-auth` : undefined;
}

/**
 * Finds what mcp-remote has kept of a server, the newest if several of its versions have; writes nothing.
 *
 * @param folder what {@linkcode mcpRemoteFolder} says
 * @param names what {@linkcode mcpRemoteNames} says
 * @throws what the system says when the folder can't be read
 */
export async function findMcpRemote(
  folder: string,
  names: readonly string[],
): Promise<McpRemoteSignIn | undefined> {
  const found: { readonly time: number; readonly it: McpRemoteSignIn }[] = [];
  for (const version of await versions(folder)) {
    for (const name of names) {
      const path = `${folder}/${version}/${name}_tokens.json`;
      const json = await readJson(path);
      if (json === undefined) continue;
      const client = await readJson(`${folder}/${version}/${name}_client_info.json`);
      const it = readSignIn(path, json, client);
      if (it !== undefined) found.push({ time: (await Deno.stat(path)).mtime?.getTime() ?? 0, it });
    }
  }
  return found.sort((a, b) => b.time - a.time)[0]?.it;
}

/** The folders of its versions: one for each in the past, `mcp-remote-v1` since. */
async function versions(folder: string): Promise<string[]> {
  try {
    return (await Array.fromAsync(Deno.readDir(folder)))
      .filter(({ name, isDirectory }) => isDirectory && name.startsWith("mcp-remote-"))
      .map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function readJson(path: string): Promise<Record<string, unknown> | undefined> {
  try {
    const value: unknown = JSON.parse(await Deno.readTextFile(path));
    return typeof value === "object" && value !== null ? value as Record<string, unknown> : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Reads the two files of a sign-in; `undefined` where there is no token of use. */
export function readSignIn(
  path: string,
  tokens: Readonly<Record<string, unknown>>,
  client: Readonly<Record<string, unknown>> | undefined,
): McpRemoteSignIn | undefined {
  const accessToken = text(tokens.access_token);
  const type = text(tokens.token_type) ?? "bearer";
  // Those that are bound to a key are of no use without it.
  if (accessToken === undefined || type.toLowerCase() !== "bearer") return undefined;
  const refreshToken = text(tokens.refresh_token);
  const expiresAt = Number(tokens.expires_at);
  const scopes = words(tokens.scope);
  const requestedScopes = words(tokens.requested_scope);
  const issuer = text(tokens.issuer);
  const registered = client && readClient(client);
  return {
    path,
    accessToken,
    ...(refreshToken === undefined ? {} : { refreshToken }),
    ...(expiresAt > 0 ? { expiresAt } : {}),
    ...(scopes === undefined ? {} : { scopes }),
    ...(requestedScopes === undefined ? {} : { requestedScopes }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(registered === undefined ? {} : { client: registered }),
  };
}

function readClient(client: Readonly<Record<string, unknown>>): McpRemoteClient | undefined {
  const clientId = text(client.client_id);
  if (clientId === undefined) return undefined;
  const clientSecret = text(client.client_secret);
  const expires = Number(client.client_secret_expires_at);
  const authMethod = text(client.token_endpoint_auth_method);
  const issuer = text(client.issuer);
  return {
    clientId,
    ...(clientSecret === undefined ? {} : { clientSecret }),
    ...(clientSecret !== undefined && expires > 0 ? { secretExpiresAt: expires * 1000 } : {}),
    ...(authMethod === undefined ? {} : { authMethod: serverWords(authMethod) }),
    ...(issuer === undefined ? {} : { issuer }),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function words(value: unknown): string[] | undefined {
  const list = text(value)?.split(" ").filter((it) => it !== "") ?? [];
  return list.length === 0 ? undefined : list;
}
