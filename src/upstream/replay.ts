import { notification, request } from "../jsonrpc/answers.ts";
import { edit } from "../jsonrpc/edit.ts";
import type { Message } from "../jsonrpc/message.ts";
import { type Failure, failure } from "../link/failure.ts";
import type { Outcome, Peer, Receive } from "../link/peer.ts";
import { within } from "../link/pause.ts";
import { LEGACY_REVISIONS, readInitializeResult } from "../mcp/revision.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Session } from "./session.ts";

/** What {@linkcode replay} needs. */
export interface ReplayOptions {
  /** Makes the id of a request of ours. */
  readonly newId: () => string;
  /** Takes what arrives on the requests' behalf. */
  readonly receive: Receive;
  /** Nobody has asked for it. @default false */
  readonly background?: boolean;
  /** How long the whole may take, in milliseconds. */
  readonly timeoutMs: number;
  /** The client has begun anew meanwhile: what is left of the session must not be said in the next. */
  readonly outdated: () => boolean;
  /** The endpoint, for errors. */
  readonly endpoint: string;
  readonly logger: Logger;
}

/** What came of it. */
export type Replayed =
  | {
    readonly kind: "replayed";
    /** What the server that is there now declared. */
    readonly capabilities: Readonly<Record<string, unknown>>;
  }
  | { readonly kind: "failed"; readonly outcome: Outcome };

/**
 * Establishes with a server what the client has established before: its `initialize` under the revision it was shown,
 * `initialized`, the log level, the subscriptions. The client notices nothing. Never rejects.
 */
export async function replay(session: Session, peer: Peer, options: ReplayOptions): Promise<Replayed> {
  const { endpoint, logger, receive } = options;
  const due = performance.now() + options.timeoutMs;

  function tooLate(): Failure {
    const why = `the session could not be established again within ${options.timeoutMs / 1000} s`;
    return failure("CONNECT_TIMEOUT", endpoint, why);
  }

  /** The outcome of a request of ours; one that takes too long is given up. */
  async function ask(message: Message): Promise<Outcome> {
    const exchange = peer.request(message, { receive, background: options.background === true });
    if (!await within(exchange.outcome, due - performance.now())) exchange.cancel();
    const outcome = await exchange.outcome;
    return outcome.kind === "cancelled" ? { kind: "not_sent", failure: tooLate() } : outcome;
  }

  const outcome = await ask(edit(session.initialize!, [
    { path: ["id"], value: options.newId() },
    { path: ["params", "protocolVersion"], value: JSON.stringify(session.revision) },
  ]));
  if (outcome.kind !== "answered") return { kind: "failed", outcome };
  const said = readInitializeResult(outcome.message);
  const revision = said?.protocolVersion;
  if (said === undefined || !LEGACY_REVISIONS.some((known) => known === revision)) {
    const what = said === undefined
      ? `answered with an error: ${outcome.message.textOf("error")?.slice(0, 300)}`
      : `chose the revision ${String(revision).slice(0, 40)}`;
    const why = `the session was lost, and the server, asked to begin another, ${what}`;
    return {
      kind: "failed",
      outcome: {
        kind: "refused",
        failure: failure("SESSION_LOST", endpoint, why),
        status: undefined,
        answer: undefined,
      },
    };
  }
  if (revision !== session.revision) {
    logger.warn(
      `the server that is there now speaks revision ${revision}; the client goes on with ${session.revision}`,
      {
        endpoint,
      },
    );
  }
  const { capabilities } = said;
  if (options.outdated()) return { kind: "replayed", capabilities };
  if (session.initialized) {
    const told = peer.notify(notification("notifications/initialized"));
    const why = await within(told, due - performance.now()) ? await told : tooLate();
    if (why !== undefined) return { kind: "failed", outcome: { kind: "not_sent", failure: why } };
  }
  await Promise.all([restoreLogLevel(), restoreSubscriptions()]);
  return { kind: "replayed", capabilities };

  async function restoreLogLevel(): Promise<void> {
    if (session.logLevel === undefined || capabilities.logging === undefined) return;
    const again = request(options.newId(), "logging/setLevel", { level: session.logLevel });
    note("the log level", await ask(again));
  }

  async function restoreSubscriptions(): Promise<void> {
    if (capabilities.resources === undefined) return;
    await Promise.all([...session.subscriptions].map(async (uri) => {
      const again = request(options.newId(), "resources/subscribe", { uri: JSON.parse(uri) });
      note(`the subscription to ${uri}`, await ask(again));
    }));
  }

  function note(what: string, { kind, ...rest }: Outcome): void {
    if (kind === "answered" && "message" in rest && rest.message.kind === "result") return;
    logger.warn(`${what} could not be restored`, { endpoint, outcome: kind });
  }
}
