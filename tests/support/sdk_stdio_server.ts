/** The SDK server over stdin and stdout: `deno run -A tests/support/sdk_stdio_server.ts`. */
// @ts-types="@modelcontextprotocol/sdk/server/stdio"
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { createSdkServer } from "./sdk_server.ts";

if (import.meta.main) {
  Deno.stderr.writeSync(new TextEncoder().encode("sdk server: ready\n"));
  const server = createSdkServer();
  await server.connect(new StdioServerTransport());
}
