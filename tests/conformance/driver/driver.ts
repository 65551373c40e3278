/**
 * The client that the suite's client scenarios start: `driver.ts legacy|modern URL`. It is a stdio client, and what it
 * starts is the real program; so the suite's server sees what the program sends. stdout tells how many requests were
 * answered.
 */
import { programCommand } from "../../support/program.ts";
import type { Answers, DrivenClient } from "./client.ts";
import { programStart, type SuiteContext } from "./program_options.ts";
import { answersOf, partOf } from "./scenarios.ts";

type Connect = (
  command: readonly [string, ...string[]],
  env: Record<string, string>,
  answers: Answers,
) => Promise<DrivenClient>;

/** Only the SDK that is asked for is loaded. */
async function connector(client: "legacy" | "modern"): Promise<Connect> {
  return client === "legacy"
    ? (await import("./legacy_client.ts")).connectLegacy
    : (await import("./modern_client.ts")).connectModern;
}

async function main(client: "legacy" | "modern", url: string): Promise<void> {
  const scenario = Deno.env.get("MCP_CONFORMANCE_SCENARIO") ?? "";
  const context = JSON.parse(Deno.env.get("MCP_CONFORMANCE_CONTEXT") ?? "{}") as SuiteContext;
  const { args, env } = programStart(scenario, client, url, context);
  const part = partOf(scenario);
  let answered = 0;
  const counting = (connected: DrivenClient): DrivenClient => ({
    ...connected,
    async request(method, params) {
      const result = await connected.request(method, params);
      answered++;
      return result;
    },
    async callTool(name, args) {
      const result = await connected.callTool(name, args);
      answered++;
      return result;
    },
  });
  const connect = await connector(client);
  const driven: DrivenClient = counting(
    await connect(programCommand(args), env, answersOf(part, () => driven)),
  );
  try {
    await part.run(driven, context);
  } finally {
    await driven.close();
  }
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify({ answered })}\n`));
}

if (import.meta.main) {
  const [client = "", url = ""] = Deno.args;
  if (client !== "legacy" && client !== "modern") throw new Error("driver.ts legacy|modern URL");
  await main(client, url);
}
