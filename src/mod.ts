/**
 * Connects any MCP client to any MCP server.
 *
 * Started as the main module this is the command line (`mcp-connect`). Imported, it is the library the command line is
 * made of: a {@linkcode Peer} speaks to a server over whatever wire its endpoint has, a {@linkcode Face} is where a client
 * comes in, a {@linkcode Bridge} joins the two and answers every request exactly once.
 *
 * All that is exported here is stable: it follows semantic versioning, and what would break its users comes with a new
 * major version (before 1.0, a new minor one). `docs/library.md` tells what is there and what is promised.
 *
 * @example Ask a server for its tools
 * ```ts
 * import { createLogger, jsonRpcRequest, openPeer, parseEndpoint } from "@x/mcp-connect";
 * import { match } from "node:assert/strict";
 *
 * await using server = Deno.serve({ port: 0, onListen() {} }, async (request) => {
 *   const { id } = await request.json();
 *   return Response.json({ jsonrpc: "2.0", id, result: { tools: [{ name: "echo" }] } });
 * });
 *
 * const endpoint = parseEndpoint(`http://localhost:${server.addr.port}/mcp`, "posix");
 * const peer = await openPeer({ endpoint }, createLogger({ level: "warn", format: "text" }));
 * const outcome = await peer.request(jsonRpcRequest("1", "tools/list")).outcome;
 * if (outcome.kind === "answered") match(outcome.message.text, /echo/);
 * await peer.close();
 * ```
 *
 * @module
 */
export { type Bridge, type BridgeOptions, createBridge } from "./bridge/bridge.ts";
export type { Session } from "./upstream/session.ts";
export { toolFilter, type ToolFilterOptions } from "./bridge/tool_filter.ts";
export type { Face, Handler } from "./face/face.ts";
export { stdioFace, type StdioFaceOptions } from "./face/stdio_face.ts";
export {
  errorAnswer as jsonRpcError,
  notification as jsonRpcNotification,
  request as jsonRpcRequest,
  resultAnswer as jsonRpcResult,
} from "./jsonrpc/answers.ts";
export { type Edit, edit, withId } from "./jsonrpc/edit.ts";
export { ErrorCode } from "./jsonrpc/error_codes.ts";
export type { Id } from "./jsonrpc/id.ts";
export { InvalidMessage, Message, type MessageKind, type Span } from "./jsonrpc/message.ts";
export { describeEndpoint } from "./link/describe_endpoint.ts";
export type { Endpoint } from "./link/endpoint.ts";
export { EndpointError } from "./link/endpoint_error.ts";
export type { EraMemory } from "./link/era/era_memory.ts";
export { type Failure, FailureCode, type FailureName } from "./link/failure.ts";
export type {
  CredentialRefusal,
  CredentialRequest,
  Credentials,
  RefusalVerdict,
} from "./link/http/credentials.ts";
export { openPeer, type PeerOptions } from "./link/open_peer.ts";
export { parseEndpoint } from "./link/parse_endpoint.ts";
export type { CommandPlatform } from "./link/split_command_line.ts";
export type {
  Exchange,
  Layer,
  Outcome,
  Peer,
  PeerListener,
  Receive,
  Rejected,
  RequestOptions,
} from "./link/peer.ts";
export {
  createLogger,
  type Logger,
  type LoggerOptions,
  type LogLevel,
  type LogRecord,
} from "./telemetry/logger.ts";

if (import.meta.main) {
  const { main } = await import("./main.ts");
  await main(import.meta.url);
}
