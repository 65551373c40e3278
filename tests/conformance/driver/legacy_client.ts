/** A client of the era of `initialize`: the official SDK v1 over stdio. */
// @ts-types="@modelcontextprotocol/sdk/client/index"
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
// @ts-types="@modelcontextprotocol/sdk/types"
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
  ResultSchema,
} from "@modelcontextprotocol/sdk/types.js";
import { stdioTransport } from "../../support/sdk_stdio_client.ts";
import { type Answers, CLIENT_INFO, type DrivenClient, type FormShape, ROOTS, SAMPLED } from "./client.ts";

/** Spawns the program and shakes hands with it. */
export async function connectLegacy(
  command: readonly [string, ...string[]],
  env: Record<string, string>,
  answers: Answers,
): Promise<DrivenClient> {
  const client = new Client(CLIENT_INFO, {
    capabilities: { sampling: {}, elicitation: { form: {} }, roots: { listChanged: true } },
  });
  client.setRequestHandler(ElicitRequestSchema, async ({ params }) => ({
    action: "accept" as const,
    content: await answers.fill((params as { requestedSchema?: FormShape }).requestedSchema ?? {}),
  }));
  client.setRequestHandler(CreateMessageRequestSchema, () => SAMPLED);
  client.setRequestHandler(ListRootsRequestSchema, () => ROOTS);
  await client.connect(stdioTransport(command, { env, stderr: "inherit" }));
  return {
    request: (method, params) =>
      client.request({ method, ...(params === undefined ? {} : { params }) }, ResultSchema),
    callTool: (name, args = {}) =>
      client.request({ method: "tools/call", params: { name, arguments: args } }, ResultSchema),
    close: () => client.close(),
  };
}
