import type { Message } from "../jsonrpc/message.ts";

/** The protocol revisions of the legacy era, oldest first. */
export const LEGACY_REVISIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] as const;

/** The newest legacy revision: what our own client offers. */
export const LATEST_LEGACY_REVISION = "2025-11-25";

/** Tells whether a revision is of the legacy era. */
export function isLegacyRevision(
  revision: string | undefined,
): revision is typeof LEGACY_REVISIONS[number] {
  return LEGACY_REVISIONS.some((known) => known === revision);
}

/** Tells whether a revision knows JSON-RPC batches: 2025-03-26 alone does (S/2025-03-26/basic, Batching). */
export function allowsBatches(revision: string | undefined): boolean {
  return revision === "2025-03-26";
}

/** What an `initialize` result says, as far as it says it. */
export interface InitializeResult {
  readonly protocolVersion: string | undefined;
  readonly capabilities: Readonly<Record<string, unknown>>;
  readonly serverInfo: Readonly<Record<string, unknown>>;
}

/** Reads the answer to `initialize`; `undefined` when it is an error. */
export function readInitializeResult(answer: Message): InitializeResult | undefined {
  const value = answer.parsed("result");
  if (value === undefined) return undefined;
  const { protocolVersion, capabilities, serverInfo } = asObject(value);
  return {
    protocolVersion: typeof protocolVersion === "string" ? protocolVersion : undefined,
    capabilities: asObject(capabilities),
    serverInfo: asObject(serverInfo),
  };
}

/** The value as an object to look into; an empty one when it is none. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Record<string, unknown>
    : {};
}
