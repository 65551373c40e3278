/**
 * The pipe floor: the least a Deno program on the same pipes can cost. It answers each line of stdin by itself,
 * without a network; a bridge can come near it, but not below.
 */
import { ECHO_TEXT, payloadOf, textResult } from "./messages.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const NEWLINE = 10;
const echo = textResult(ECHO_TEXT);
const payloads = new Map<number, Uint8Array>();
const INITIALIZED = JSON.stringify({
  protocolVersion: "2025-11-25",
  capabilities: { tools: {} },
  serverInfo: { name: "pipe-floor", version: "1.0.0" },
});

interface Call {
  id?: number;
  method: string;
  params?: { name?: string; arguments?: { bytes?: number } };
}

function writeAll(bytes: Uint8Array): void {
  let at = 0;
  while (at < bytes.length) at += Deno.stdout.writeSync(bytes.subarray(at));
}

function answer(line: Uint8Array): string {
  const call: Call = JSON.parse(decoder.decode(line));
  if (call.id === undefined) return "";
  const bytes = call.params?.arguments?.bytes;
  if (bytes !== undefined) {
    let body = payloads.get(bytes);
    if (body === undefined) payloads.set(bytes, body = encoder.encode(textResult(payloadOf(bytes))));
    writeAll(encoder.encode(`{"jsonrpc":"2.0","id":${call.id},"result":`));
    writeAll(body);
    return "}\n";
  }
  const result = call.method === "initialize"
    ? INITIALIZED
    : call.method === "tools/list"
    ? `{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}`
    : echo;
  return `{"jsonrpc":"2.0","id":${call.id},"result":${result}}\n`;
}

const buffer = new Uint8Array(64 * 1024);
let length = 0;
for (;;) {
  const count = await Deno.stdin.read(buffer.subarray(length));
  if (count === null) break;
  length += count;
  let from = 0;
  let out = "";
  for (let end = buffer.indexOf(NEWLINE); end >= 0 && end < length; end = buffer.indexOf(NEWLINE, from)) {
    out += answer(buffer.subarray(from, end));
    from = end + 1;
  }
  buffer.copyWithin(0, from, length);
  length -= from;
  if (out !== "") writeAll(encoder.encode(out));
}
