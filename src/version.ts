/** This program's version, the same as `deno.json` has (a test compares them). */
export const VERSION = "0.1.0";
