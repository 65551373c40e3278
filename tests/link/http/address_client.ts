/** Sends one request to a URL at an address, in a process with an environment and permissions of its own. */
import { createHttpClient } from "../../../src/link/http/http_client.ts";
import { createLogger } from "../../../src/telemetry/logger.ts";

const [url, hostname, port, ca] = Deno.args as [string, string, string, string];
const client = createHttpClient({
  endpoint: url,
  url: new URL(url),
  headers: [],
  userAgent: "test",
  caCerts: [ca],
  cookies: false,
  address: { hostname, port: Number(port) },
  logger: createLogger({ level: "error", format: "text" }),
});
const reply = await client.send({
  method: "POST",
  url: new URL(url),
  headers: {},
  body: new TextEncoder().encode("hello"),
  signal: AbortSignal.timeout(20_000),
});
const text = "failure" in reply
  ? `${reply.failure.code}: ${reply.failure.message}; ${reply.failure.hint}`
  : await reply.response.text();
await Deno.stdout.write(new TextEncoder().encode(text));
// It ends by itself: neither the client nor a tunnel keeps it running.
