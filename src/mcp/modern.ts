import type { Id } from "../jsonrpc/id.ts";
import { Message } from "../jsonrpc/message.ts";

/** The revision of the modern era that is spoken here. */
export const MODERN_REVISION = "2026-07-28";

const PREFIX = "io.modelcontextprotocol/";

/** The keys of a modern request's and result's `_meta` (S/2026-07-28/basic, `_meta`). */
export const META = {
  protocolVersion: `${PREFIX}protocolVersion`,
  clientCapabilities: `${PREFIX}clientCapabilities`,
  clientInfo: `${PREFIX}clientInfo`,
  logLevel: `${PREFIX}logLevel`,
  serverInfo: `${PREFIX}serverInfo`,
  subscriptionId: `${PREFIX}subscriptionId`,
} as const;

/** The error codes that revision 2026-07-28 defines (S/2026-07-28/basic, Error Codes). */
export const ModernErrorCode = {
  /** A header does not say what the body says. */
  HeaderMismatch: -32020,
  /** The request needs a capability that the client has not declared. */
  MissingClientCapability: -32021,
  /** The server does not speak the request's revision; `data.supported` lists those it does. */
  UnsupportedProtocolVersion: -32022,
} as const;

/** The result that ends a `subscriptions/listen` in good order (S/2026-07-28/basic/patterns/subscriptions). */
export function listenOver(id: Id): Message {
  return Message.fromText(
    `{"jsonrpc":"2.0","id":${id},"result":{"resultType":"complete","_meta":{${
      JSON.stringify(META.subscriptionId)
    }:${id}}}}`,
  );
}
