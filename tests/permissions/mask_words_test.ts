import { deepStrictEqual } from "node:assert/strict";
import { maskWords } from "../../src/permissions/mask_words.ts";

Deno.test("a printed command line has none of the secrets that were typed", () => {
  const table: readonly (readonly [words: string[], shown: string[]])[] = [
    [["proxy", "--auth-token", "abc", "http://x/"], ["proxy", "--auth-token", "…", "http://x/"]],
    [["--auth-token=abc", "--api-key=d"], ["--auth-token=…", "--api-key=…"]],
    [["--client-secret", "s", "--idp-client-secret=s"], ["--client-secret", "…", "--idp-client-secret=…"]],
    [["--auth-token", "${TOKEN}"], ["--auth-token", "${TOKEN}"]],
    [["--header", "X-Api-Key: abc"], ["--header", "X-Api-Key: …"]],
    [["--header=X-Team: blue", "--env", "PASSWORD=x"], ["--header=X-Team: blue", "--env", "PASSWORD=…"]],
    [["--headers", "A: b,Cookie: c=d,E: f"], ["--headers", "A: b,Cookie: …,E: f"]],
    [["--endpoint", "https://me:pw@x/mcp?api_key=a&team=b#c"], [
      "--endpoint",
      "https://…@x/mcp?api_key=…&team=b#c",
    ]],
    [["https://x/mcp?team=b"], ["https://x/mcp?team=b"]],
    [["--fallbacks=http://a/?token=z,http://b/"], ["--fallbacks=http://a/?token=…"]],
    [["--env", "DB=postgres://u:p@h/d"], ["--env", "DB=postgres://…@h/d"]],
    [["--endpoint", "serve --token abc  a.js"], ["--endpoint", "serve --token …  a.js"]],
    // What follows is the command's own.
    [["proxy", "--", "serve", "--auth-token", "abc"], ["proxy", "--", "serve", "--auth-token", "…"]],
    [["--", "auth-server", "a.js", "--key=k", "-e", "API_KEY=k"], [
      "--",
      "auth-server",
      "a.js",
      "--key=…",
      "-e",
      "API_KEY=…",
    ]],
    [["--", "a", "--no-auth", "--port", "80", "--db", "x://u:p@h"], [
      "--",
      "a",
      "--no-auth",
      "--port",
      "80",
      "--db",
      "x://…@h",
    ]],
    [["--", "a", "--token", "${TOKEN}"], ["--", "a", "--token", "${TOKEN}"]],
  ];
  for (const [words, shown] of table) deepStrictEqual(maskWords(words), shown);
});
