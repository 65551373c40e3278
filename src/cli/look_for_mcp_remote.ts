import { ConfigError } from "../config/config_error.ts";
import { processEnvironment } from "../config/environment.ts";
import type { ConnectSettings } from "../config/settings.ts";
import { findMcpRemote, mcpRemoteFolder, type McpRemoteSignIn } from "../oauth/import/mcp_remote_files.ts";
import { mcpRemoteNames } from "../oauth/import/mcp_remote_names.ts";
import { requireSignIn } from "./connect_input.ts";

/** What was looked for, and what was found. */
export interface McpRemoteLook {
  /** Where; absent where the environment does not tell. */
  readonly folder: string | undefined;
  /** What the files' names may begin with. */
  readonly names: readonly string[];
  readonly found: McpRemoteSignIn | undefined;
}

/**
 * Looks for what mcp-remote has kept of a server.
 *
 * @param typed the server's URL as the user has written it, since mcp-remote hashes it so
 * @throws {ConfigError} when the folder may not be read
 */
export async function lookForMcpRemote(settings: ConnectSettings, typed: string): Promise<McpRemoteLook> {
  const { url, signIn: { oauth } } = requireSignIn(settings);
  const environment = processEnvironment();
  const folder = mcpRemoteFolder((name) => {
    const variable = environment(name);
    return variable.kind === "set" ? variable.value : undefined;
  });
  const spellings = new Set([typed, url.href, url.href.replace(/\/$/, ""), `${url.href}/`]);
  const names = mcpRemoteNames({
    urls: [...spellings],
    resource: oauth.resource === false ? undefined : oauth.resource,
    authorizeParams: Object.fromEntries(oauth.authorizeParams),
    headers: Object.fromEntries(settings.headers),
    clientMetadataUrl: oauth.clientMetadataUrl,
    tokenEndpoint: oauth.tokenUrl,
  });
  if (folder === undefined) return { folder, names, found: undefined };
  if (Deno.permissions.querySync({ name: "read", path: folder }).state !== "granted") {
    throw new ConfigError(`--import needs to read ${folder}: run Deno with --allow-read=${folder}`, {
      code: "permission",
    });
  }
  try {
    return { folder, names, found: await findMcpRemote(folder, names) };
  } catch (error) {
    throw new ConfigError(
      `--import can't read ${folder} (${error instanceof Error ? error.message : error})`,
    );
  }
}
