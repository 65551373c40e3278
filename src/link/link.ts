/**
 * The wire to one duplex peer (child process, TCP, Unix socket, our own stdin and stdout): bytes in,
 * bytes out, nothing of JSON-RPC.
 */
export interface Link {
  /** Where the wire leads, for logs and errors: `tcp://127.0.0.1:9000`, `node server.js`. */
  readonly name: string;
  /**
   * Reads the next chunk; `null` at the end of the stream. The chunk may be reused by the next call.
   * Rejects when the wire breaks. Never called while an earlier call is pending.
   */
  read(): Promise<Uint8Array | null>;
  /** Writes all of `bytes`. Never called while an earlier call is pending. */
  write(bytes: Uint8Array): Promise<void>;
  /** Why the wire ended, in words a person understands, where that is known (`exited with code 1`). */
  ending?(): string | undefined;
  /** Ends the wire and everything behind it. Idempotent; never rejects. */
  close(): Promise<void>;
}

/** Opens a {@linkcode Link}; rejects when the peer can't be reached or `signal` aborts. */
export type OpenLink = (signal: AbortSignal) => Promise<Link>;
