/**
 * Loaded before a server that would listen on all interfaces under a port it must be told: makes it listen on a
 * loopback port, the one in LOOPBACK_PORT or one that the system chooses, and says which on stderr.
 */
import net from "node:net";

type Listen = (this: net.Server, port: unknown, ...rest: unknown[]) => net.Server;
const prototype = net.Server.prototype as unknown as { listen: Listen };
const listen = prototype.listen;

prototype.listen = function (_port, ...rest) {
  this.once("listening", () => {
    const address = this.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    Deno.stderr.writeSync(new TextEncoder().encode(`listening on 127.0.0.1:${port}\n`));
  });
  return listen.call(this, Number(Deno.env.get("LOOPBACK_PORT") ?? 0), "127.0.0.1", ...rest);
};
