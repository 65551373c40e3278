/**
 * The SDK server over stdin and stdout: `deno run -A tests/support/sdk_stdio_server.ts`. What happens in it goes to stderr, a line
 * each.
 */
// @ts-types="@modelcontextprotocol/sdk/server/stdio"
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { createSdkServer, sdkServerRecord } from "./sdk_server.ts";

if (import.meta.main) {
  const tell = (text: string) => void Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
  tell(`sdk server: ready, process ${Deno.pid}`);
  const record = sdkServerRecord(() => {
    const { slow, cancelled, subscriptions } = record;
    tell(`slow ${slow.length}, cancelled ${cancelled.length}, subscribed to ${subscriptions.size}`);
  });
  const server = createSdkServer(record);
  await server.connect(new StdioServerTransport());
}
