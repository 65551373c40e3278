import { request } from "../jsonrpc/answers.ts";
import type { Message } from "../jsonrpc/message.ts";
import { within } from "../link/pause.ts";
import type { Outcome, Peer, Receive } from "../link/peer.ts";
import { withEnvelope } from "../mcp/envelope.ts";
import { modernHeaders } from "../mcp/mcp_headers.ts";
import { VERSION } from "../version.ts";
import { outcomeWithin } from "./ask.ts";

/** How {@linkcode askApart} asks. */
export interface AskApartOptions {
  /** Opens the wire, with no translation in between. */
  readonly open: () => Promise<Peer>;
  /** How long the answer may take, in milliseconds. */
  readonly withinMs: number;
  /** How long the end of the wire may take, in milliseconds. */
  readonly closeMs: number;
  /** Makes what takes the server's own messages. */
  readonly receive: (peer: Peer) => Receive;
}

/** What our own client says of itself. */
export const CLIENT_INFO = { name: "mcp-connect", version: VERSION };

/** The parameters of our own client's `initialize`. */
export function initializeParams(revision: string): unknown {
  return { protocolVersion: revision, capabilities: {}, clientInfo: CLIENT_INFO };
}

/** Begins as a legacy client of that revision does, and ends there. */
export function greetApart(revision: string, options: AskApartOptions): Promise<Outcome> {
  return askApart(request("1", "initialize", initializeParams(revision)), options);
}

/** Begins as a modern client does, and ends there. */
export function discoverApart(options: AskApartOptions): Promise<Outcome> {
  const client = { info: JSON.stringify(CLIENT_INFO), capabilities: "{}", logLevel: undefined };
  const message = withEnvelope(request("1", "server/discover"), client);
  return askApart(message, options, modernHeaders(message));
}

/** Sends one request on a wire of its own: what a server makes of it there spoils nothing, and nothing spoils it. */
async function askApart(
  message: Message,
  { open, withinMs, closeMs, receive: receiverFor }: AskApartOptions,
  headers?: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const peer = await open();
  const receive = receiverFor(peer);
  peer.listen({ receive });
  const exchange = peer.request(message, {
    receive,
    ...(headers === undefined ? {} : { headers, final: true }),
  });
  const outcome = await outcomeWithin(exchange, withinMs);
  await within(peer.close(), closeMs);
  return outcome;
}
