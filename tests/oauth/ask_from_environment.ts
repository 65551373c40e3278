/** A program that asks for URLs as the environment's proxy variables say, and prints what came of each. */
import { SignInError } from "../../src/oauth/errors.ts";
import { guardedFetch } from "../../src/oauth/guarded_fetch.ts";

const [caFile, mcpUrl, ...urls] = Deno.args;
const guarded = guardedFetch({
  mcpUrl: new URL(mcpUrl!),
  allowPrivate: false,
  caCerts: [Deno.readTextFileSync(caFile!)],
  userAgent: "tests",
});
const outcomes = [];
for (const url of urls) {
  try {
    const response = await guarded.send(url, {
      method: "GET",
      headers: {},
      signal: new AbortController().signal,
    });
    outcomes.push(`${response.status} ${(await response.text()).length}`);
  } catch (error) {
    outcomes.push(error instanceof SignInError ? error.code : String(error));
  }
}
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(outcomes)));
