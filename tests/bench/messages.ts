/** The messages of the benchmark, built once and the same for every subject. */

const encoder = new TextEncoder();

/** The protocol revision that every subject is asked for. */
export const REVISION = "2025-11-25";
/** The revision that is asked for in the modern era. */
export const MODERN_REVISION = "2026-07-28";
/** The size of the text that the `echo` tool is given and gives back, in bytes. */
export const ECHO_BYTES = 200;
/** Sizes, in bytes, that the `payload` tool is asked for. */
export const PAYLOAD_BYTES = { mib1: 1024 * 1024, mib16: 16 * 1024 * 1024 } as const;
/** The text that `echo` carries. */
export const ECHO_TEXT = "The quick brown fox jumps over the lazy dog. ".repeat(5).slice(0, ECHO_BYTES);

/** A JSON-RPC request as text, without the line's end. */
export function requestText(id: number, method: string, params: unknown): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"${method}","params":${JSON.stringify(params)}}`;
}

/** The client's `initialize`. */
export function initializeText(id: number): string {
  return requestText(id, "initialize", {
    protocolVersion: REVISION,
    capabilities: {},
    clientInfo: { name: "bench", version: "1.0.0" },
  });
}

/** The client's `notifications/initialized`. */
export const INITIALIZED_TEXT = `{"jsonrpc":"2.0","method":"notifications/initialized"}`;

const echoParams = JSON.stringify({ name: "echo", arguments: { text: ECHO_TEXT } });

/** A call of `echo`: the small call of the latency and throughput measures. */
export function echoText(id: number): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${echoParams}}`;
}

const modernEchoParams = JSON.stringify({
  name: "echo",
  arguments: { text: ECHO_TEXT },
  _meta: {
    "io.modelcontextprotocol/protocolVersion": MODERN_REVISION,
    "io.modelcontextprotocol/clientInfo": { name: "bench", version: "1.0.0" },
    "io.modelcontextprotocol/clientCapabilities": {},
  },
});

/** The same call as a modern client makes it. */
export function modernEchoText(id: number): string {
  return `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${modernEchoParams}}`;
}

/** A call of `payload`, whose result holds a text of `bytes` bytes. */
export function payloadText(id: number, bytes: number): string {
  return requestText(id, "tools/call", { name: "payload", arguments: { bytes } });
}

/** What `payload` gives back: text as a source file or a log has it, with quotes and line ends to escape. */
export function payloadOf(bytes: number): string {
  const line = `2025-11-25 12:00:00 info "request" served, path="/items/42", status=200, took 1.25 ms\n`;
  return line.repeat(Math.ceil(bytes / line.length)).slice(0, bytes);
}

/** The result of a tool that answers with one text. */
export function textResult(text: string): string {
  return JSON.stringify({ content: [{ type: "text", text }] });
}

/** Encodes a message as one line of the stdio transport. */
export function lineOf(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text + "\n");
}
