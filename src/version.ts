/** This program's version, the same as `deno.json` has (a test compares them). */
export const VERSION = "0.1.0";

/** Its name on JSR, the same as `deno.json` has (a test compares them, and what the documents say). */
export const PACKAGE = "@x/mcp-connect";

/** How this program calls itself to servers, where the user has nothing else to say. */
export const USER_AGENT: string = `mcp-connect/${VERSION}`;
