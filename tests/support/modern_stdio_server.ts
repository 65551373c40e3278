/** The modern-only SDK server (with the argument `dual`: of both eras) over stdin and stdout; what happens in it goes to stderr, a line each. */
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { createModernServer } from "./modern_server.ts";

if (import.meta.main) {
  const events: string[] = [];
  const record = {
    events,
    changed: () => void Deno.stderr.writeSync(new TextEncoder().encode(`event: ${events.at(-1)}\n`)),
  };
  Deno.stderr.writeSync(new TextEncoder().encode(`modern server: ready, process ${Deno.pid}\n`));
  serveStdio(() => createModernServer(record), { legacy: Deno.args[0] === "dual" ? "serve" : "reject" });
}
