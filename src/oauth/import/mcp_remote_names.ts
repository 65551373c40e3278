import { createHash } from "node:crypto";

/** What mcp-remote was started with, as far as the names of its files depend on it. */
export interface McpRemoteStart {
  /** The server's URL, in the spellings that it may have been given in. */
  readonly urls: readonly string[];
  /** Its `--resource`. */
  readonly resource?: string | undefined;
  /** Its `--authorize-param`. */
  readonly authorizeParams: Readonly<Record<string, string>>;
  /** Its `--header`, before variables in it are expanded. */
  readonly headers: Readonly<Record<string, string>>;
  /** Its `--client-metadata-url`. */
  readonly clientMetadataUrl?: string | undefined;
  /** Its `--token-endpoint`. */
  readonly tokenEndpoint?: string | undefined;
}

/**
 * What the names of mcp-remote's files for a server may begin with: the MD5 of the URL and some of its options, those that
 * were given. Which were is not known, so it is each choice among those that we were given.
 */
export function mcpRemoteNames(start: McpRemoteStart): string[] {
  const record = (it: Readonly<Record<string, string>>) =>
    Object.keys(it).length === 0 ? undefined : JSON.stringify(it, Object.keys(it).sort());
  // In the order in which they are joined.
  const parts = [
    start.resource,
    record(start.authorizeParams),
    record(start.headers),
    start.clientMetadataUrl,
    start.tokenEndpoint,
  ].filter((it) => it !== undefined && it !== "");
  const names = start.urls.flatMap((url) =>
    Array.from({ length: 2 ** parts.length }, (_, choice) => {
      // All of them first: that is the same start.
      const chosen = parts.filter((_, i) => (choice & 1 << i) === 0);
      return createHash("md5").update([url, ...chosen].join("|")).digest("hex");
    })
  );
  return [...new Set(names)];
}
