/**
 * A server of fixed capacity, in a process of its own: so many calls at once, each of so many milliseconds, the rest wait.
 * Arguments: the port (0 for a free one), calls at once, milliseconds. Writes its port to stdout.
 */
const [port = 0, atOnce = 4, ms = 20] = Deno.args.map(Number);

let busy = 0;
const waiting: (() => void)[] = [];

async function work(): Promise<void> {
  if (busy >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve));
  busy++;
  await new Promise((resolve) => setTimeout(resolve, ms));
  busy--;
  waiting.shift()?.();
}

const json = (body: unknown, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(body), { headers: { "content-type": "application/json", ...headers } });

const server = Deno.serve({ port, hostname: "127.0.0.1", onListen() {} }, async (request) => {
  if (request.method !== "POST") return new Response(null, { status: request.method === "GET" ? 405 : 200 });
  const { id, method, params } = await request.json();
  if (id === undefined) return new Response(null, { status: 202 });
  const result = (value: unknown) => ({ jsonrpc: "2.0", id, result: value });
  switch (method) {
    case "initialize": {
      const { protocolVersion } = params;
      const serverInfo = { name: "capacity", version: "1.0.0" };
      const body = result({ protocolVersion, capabilities: { tools: {} }, serverInfo });
      return json(body, { "mcp-session-id": crypto.randomUUID() });
    }
    case "tools/call":
      await work();
      return json(result({ content: [{ type: "text", text: params.arguments.text }] }));
    default:
      return json(result({}));
  }
});
Deno.stdout.writeSync(new TextEncoder().encode(`${server.addr.port}\n`));
