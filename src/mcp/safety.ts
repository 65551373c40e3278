/** What a tool says of itself in its `annotations` (S/2025-11-25/schema#toolannotations). */
export interface ToolHints {
  /** It changes nothing. */
  readonly readOnly: boolean;
  /** Calling it again with the same arguments has no further effect. */
  readonly idempotent: boolean;
}

/** Methods that may be carried out twice: they read, or set what is set already. */
const SAFE: ReadonlySet<string> = new Set([
  "initialize",
  "ping",
  "tools/list",
  "prompts/list",
  "prompts/get",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "resources/subscribe",
  "resources/unsubscribe",
  "completion/complete",
  "logging/setLevel",
  "tasks/get",
  "tasks/list",
  "tasks/result",
  "server/discover",
]);

/**
 * Tells whether a request may be carried out twice. A call of a tool may if the tool says so; one whose hints were never
 * seen may not, and neither may a method that is not known.
 *
 * @param hints those of the tool that is called
 */
export function isSafeToRepeat(method: string, hints: ToolHints | undefined): boolean {
  if (method === "tools/call") return hints !== undefined && (hints.readOnly || hints.idempotent);
  return SAFE.has(method);
}
