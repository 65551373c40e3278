/** A server that asks for certificates of its clients, over Node's https, and speaks MCP in its simplest form. */
import https from "node:https";
import type { TLSSocket } from "node:tls";
import { defaultAnswer } from "./default_answers.ts";
import { isRequest, messagesIn, tryParse } from "./wire_message.ts";

const DIRECTORY = new URL("tls/", import.meta.url);

/** The text of a file of `tests/support/tls`. */
export function tlsFile(name: string): string {
  return Deno.readTextFileSync(new URL(name, DIRECTORY));
}

/** A server that asks for certificates. */
export interface ClientTlsServer extends AsyncDisposable {
  readonly url: string;
  /** The common name in the certificate of each request's client; `undefined` where it showed none. */
  readonly clients: readonly (string | undefined)[];
}

/** How a {@linkcode ClientTlsServer} behaves. */
export interface ClientTlsOptions {
  /** Whether a client without a certificate of the authority gets no further. @default true */
  readonly strict?: boolean;
  /** @default TLSv1.3 */
  readonly version?: "TLSv1.2" | "TLSv1.3";
  /** Where everything is sent on to. */
  readonly redirect?: string;
}

/** Starts a {@linkcode ClientTlsServer} whose clients must be of `client_ca.pem`. */
export async function startClientTlsServer(
  { strict = true, version = "TLSv1.3", redirect }: ClientTlsOptions = {},
): Promise<ClientTlsServer> {
  const clients: (string | undefined)[] = [];
  const server = https.createServer({
    cert: tlsFile("server.pem"),
    key: tlsFile("server_key.pem"),
    ca: tlsFile("client_ca.pem"),
    requestCert: true,
    rejectUnauthorized: strict,
    maxVersion: version,
  }, async (request, response) => {
    const subject = (request.socket as TLSSocket).getPeerCertificate()?.subject as
      | { CN?: string }
      | undefined;
    clients.push(subject?.CN);
    let body = "";
    for await (const chunk of request) body += chunk;
    if (redirect !== undefined) return void response.writeHead(307, { location: redirect }).end();
    if (request.method !== "POST") return void response.writeHead(405).end();
    const [message] = messagesIn(tryParse(body));
    if (message === undefined || !isRequest(message)) return void response.writeHead(202).end();
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(defaultAnswer(message, {})));
  });
  // A client that is refused in its handshake is no error of ours.
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const { port } = server.address() as { port: number };
  return {
    url: `https://127.0.0.1:${port}/mcp`,
    clients,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}
