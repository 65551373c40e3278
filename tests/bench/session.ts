/** What the measures ask of a subject, however it is reached: through a bridge's pipes or directly over HTTP. */

/** How long a flood lasts: so many calls, or so many milliseconds, whichever is given. */
export interface FloodLength {
  readonly calls?: number;
  readonly ms?: number;
}

/** What a flood brought. */
export interface FloodResult {
  readonly calls: number;
  readonly ms: number;
}

/** One open client session; one request at a time unless `flood` says otherwise. */
export interface Session {
  /** The process under test; undefined for the direct client, which has none. */
  readonly pid?: number;
  /** Sends one request and gives its answer's text. */
  ask(text: string): Promise<string>;
  /** Sends one request and gives the milliseconds until its answer's last byte; the answer is not looked at. */
  time(text: string): Promise<number>;
  /** Sends a notification. */
  tell(text: string): Promise<void>;
  /** Keeps `inFlight` requests on their way until the length is reached, then waits for the rest. */
  flood(textOf: (id: number) => string, inFlight: number, length: FloodLength): Promise<FloodResult>;
  /** Ends the session and its process. */
  close(): Promise<void>;
}
