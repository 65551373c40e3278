/** What a scenario asks of a client, whichever SDK it is made with. */

/** A tool as the program shows it. */
export interface ShownTool {
  readonly name: string;
  readonly inputSchema: {
    readonly properties?: Readonly<Record<string, { readonly type?: string }>>;
    readonly required?: readonly string[];
  };
}

/** A stdio client of the program. */
export interface DrivenClient {
  /** Sends a request and gives its result as it came. */
  request(method: string, params?: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** Calls a tool; what the server wants to know meanwhile is answered. */
  callTool(name: string, args?: Record<string, unknown>): Promise<unknown>;
  /** Ends the program as a client does. */
  close(): Promise<void>;
}

/** What a client does when the server asks something. */
export interface Answers {
  /** A form is filled in. */
  fill(schema: FormShape): Promise<Record<string, FormValue>>;
}

export type FormValue = string | number | boolean | string[];

/** What is looked at of a form. */
export interface FormShape {
  readonly properties?: Readonly<Record<string, { readonly type?: string; readonly default?: unknown }>>;
}

/** What the clients of both SDKs say of themselves. */
export const CLIENT_INFO = { name: "conformance-driver", version: "1.0.0" };

/** The answers to what a server asks that is no form. */
export const SAMPLED = {
  role: "assistant" as const,
  content: { type: "text" as const, text: "An answer" },
  model: "no-model",
  stopReason: "endTurn" as const,
};
export const ROOTS = { roots: [{ uri: "file:///conformance", name: "Conformance" }] };
