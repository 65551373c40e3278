/**
 * Ten copies of the program at a server whose tokens live for two seconds, through a hundred expiries (or as many as the first
 * argument says): no refresh token is spent twice, nobody sees a second tab, no request fails. Takes some minutes.
 */
import { startPlace } from "./e2e/signed_in_place.ts";

const COPIES = 10;
const expiries = Number(Deno.args[0] ?? 100);
await using place = await startPlace({ authorization: { accessTokenSeconds: 2 }, trustMs: 5000 });
const renewals = () => place.authorization.granted.filter((it) => it === "refresh_token").length;
const problems: string[] = [];
let calls = 0;

await Promise.all(Array.from({ length: COPIES }, async (_, copy) => {
  // They come and go: each lasts for some expiries.
  for (let run = 0; renewals() < expiries && problems.length === 0; run++) {
    const until = renewals() + 5 + (copy + run) % 10;
    await using program = place.proxy(["--auth-wait", "20"]);
    await program.initialize();
    while (renewals() < Math.min(until, expiries) && problems.length === 0) {
      const text = `${copy} ${calls++}`;
      const { result, error } = await program.request("tools/call", { name: "echo", arguments: { text } });
      if (result?.content[0].text !== text) problems.push(`copy ${copy}: ${JSON.stringify(error ?? result)}`);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    // Some are killed.
    if ((copy + run) % 4 === 0) program.kill("SIGKILL");
  }
}));

const tabs = place.browser.tabs.items.length;
if (tabs !== 1) problems.push(`${tabs} tabs were opened`);
const revoked = place.authorization.revokedGrants.length;
if (revoked > 0) problems.push(`${revoked} chains were revoked`);
const verdict = problems.length === 0 ? "all is well" : problems.join("\n");
await Deno.stdout.write(
  new TextEncoder().encode(`${COPIES} copies, ${renewals()} expiries, ${calls} calls: ${verdict}\n`),
);
if (problems.length > 0) Deno.exitCode = 1;
