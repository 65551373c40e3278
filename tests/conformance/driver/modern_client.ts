/** A client of revision 2026-07-28, and of no other: the official SDK v2 over stdio. */
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { z } from "zod";
import { programEnvironment, REPOSITORY } from "../../support/program.ts";
import { type Answers, CLIENT_INFO, type DrivenClient, type FormShape, ROOTS, SAMPLED } from "./client.ts";

/** The SDK asks for the revision in a process of its own, unless the transport is another class than this one's parent. */
class OneProcessTransport extends StdioClientTransport {}

/** Spawns the program and asks it what it speaks. */
export async function connectModern(
  [command, ...args]: readonly [string, ...string[]],
  env: Record<string, string>,
  answers: Answers,
): Promise<DrivenClient> {
  const client = new Client(CLIENT_INFO, {
    capabilities: { sampling: {}, elicitation: { form: {} }, roots: {} },
    versionNegotiation: { mode: { pin: "2026-07-28" } },
  });
  client.setRequestHandler("elicitation/create", async ({ params }) => ({
    action: "accept" as const,
    content: await answers.fill((params as { requestedSchema?: FormShape }).requestedSchema ?? {}),
  }));
  client.setRequestHandler("sampling/createMessage", () => SAMPLED);
  client.setRequestHandler("roots/list", () => ROOTS);
  await client.connect(
    new OneProcessTransport({
      command,
      args,
      cwd: REPOSITORY,
      stderr: "inherit",
      env: programEnvironment(env),
    }),
  );
  return {
    request: (method, params) =>
      client.request({ method, ...(params === undefined ? {} : { params }) }, z.looseObject({})),
    callTool: (name, args = {}) => client.callTool({ name, arguments: args }),
    close: () => client.close(),
  };
}
