import { defaultAnswer, type DefaultAnswers } from "./default_answers.ts";
import { isRequest, isResponse, type WireMessage } from "./wire_message.ts";

/** One client of a scripted server, on a wire where every message goes to the same place. */
export interface RawPeer {
  /** Counts from 1 over all clients of the server. */
  readonly number: number;
  /** Sends a message: an object as JSON, a string as it is. */
  send(message: unknown): Promise<void>;
  /** Answers a request. */
  result(request: WireMessage, result: unknown): Promise<void>;
  error(request: WireMessage, code: number, message: string, data?: unknown): Promise<void>;
  notify(method: string, params?: unknown): Promise<void>;
  /** Sends a server request and waits for the client's answer. */
  request(method: string, params?: unknown, timeoutMs?: number): Promise<WireMessage>;
  /** Sends bytes without any framing. */
  raw(bytes: string | Uint8Array): Promise<void>;
  /** Ends our side in good order. */
  end(): Promise<void>;
  /** Breaks the connection with a RST. */
  reset(): void;
  /** Settles when the client has gone. */
  readonly gone: Promise<void>;
}

/**
 * Answers a message. What it throws fails the test when the server is disposed of, unless the client had gone.
 * Returning `"default"` leaves the message to the default behaviour.
 */
export type PeerOverride = (message: WireMessage, peer: RawPeer) => unknown;

/** The parts of a {@linkcode RawPeer} that differ from wire to wire. */
export type RawPeerBase = Pick<RawPeer, "number" | "send" | "raw" | "end" | "reset" | "gone"> & {
  answer(id: string | number, timeoutMs?: number): Promise<WireMessage>;
};

let lastRequest = 0;

/** Completes a {@linkcode RawPeer}. */
export function rawPeer({ answer, ...base }: RawPeerBase): RawPeer {
  const { send } = base;
  return {
    ...base,
    result: ({ id }, result) => send({ jsonrpc: "2.0", id, result }),
    error: ({ id }, code, message, data) =>
      send({ jsonrpc: "2.0", id, error: { code, message, ...(data === undefined ? {} : { data }) } }),
    notify: (method, params) => send({ jsonrpc: "2.0", method, ...(params === undefined ? {} : { params }) }),
    async request(method, params, timeoutMs) {
      const id = `server-${++lastRequest}`;
      await send({ jsonrpc: "2.0", id, method, ...(params === undefined ? {} : { params }) });
      return await answer(id, timeoutMs);
    },
  };
}

/** Handles a message by the override for its method (or `"notification"`, `"response"`), or by default. */
export async function handlePeerMessage(
  message: WireMessage,
  peer: RawPeer,
  overrides: ReadonlyMap<string, PeerOverride>,
  settings: DefaultAnswers,
): Promise<void> {
  const keys = isResponse(message)
    ? ["response"]
    : [message.method ?? "", ...(isRequest(message) ? [] : ["notification"])];
  for (const key of keys) {
    const override = overrides.get(key);
    if (override !== undefined && await override(message, peer) !== "default") return;
  }
  if (isRequest(message)) await peer.send(defaultAnswer(message, settings));
}
