/** The direct client: the same calls, over `fetch` with keep-alive, without a bridge. */
import type { FloodResult, Session } from "./session.ts";

const ACCEPT = "application/json, text/event-stream";

/** Opens a session straight to the server; it is connected by its first request. */
export function openDirectSession(url: string): Session {
  const client = Deno.createHttpClient({ http2: false });
  const headers: Record<string, string> = { "content-type": "application/json", "accept": ACCEPT };
  const post = async (body: string): Promise<Response> => {
    const response = await fetch(url, { method: "POST", headers, body, client });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`the server answered ${response.status}`);
    }
    return response;
  };
  const call = async (text: string): Promise<void> => void await (await post(text)).arrayBuffer();
  return {
    async ask(text) {
      const response = await post(text);
      const session = response.headers.get("mcp-session-id");
      if (session !== null) headers["mcp-session-id"] = session;
      const body = await response.text();
      return body.startsWith("{") ? body : body.slice(body.indexOf("data: ") + 6);
    },
    async time(text) {
      const start = performance.now();
      await call(text);
      return performance.now() - start;
    },
    tell: call,
    async flood(textOf, inFlight, length): Promise<FloodResult> {
      const start = performance.now();
      let sent = 0;
      const lane = async () => {
        while (
          (length.calls === undefined || sent < length.calls) &&
          (length.ms === undefined || performance.now() - start < length.ms)
        ) {
          await call(textOf(sent++));
        }
      };
      await Promise.all(Array.from({ length: inFlight }, lane));
      return { calls: sent, ms: performance.now() - start };
    },
    async close() {
      await fetch(url, { method: "DELETE", headers, client }).then((response) => response.body?.cancel());
      client.close();
    },
  };
}
