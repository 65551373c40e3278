/** What is known when scopes are chosen. */
export interface ScopeSources {
  /** The user's own choice. */
  readonly settings?: readonly string[] | undefined;
  /** What the server's challenge asks for. */
  readonly challenge?: readonly string[] | undefined;
  /** What the resource's metadata lists. */
  readonly resource?: readonly string[] | undefined;
  /** What the authorization server lists. */
  readonly server?: readonly string[] | undefined;
  /** What was asked for before, when more is needed now. */
  readonly before?: readonly string[] | undefined;
  /** Whether the grant can have a refresh token. */
  readonly refreshable: boolean;
}

/** The scope that asks for a refresh token (OpenID Connect Core 1.0, section 11). */
export const OFFLINE_ACCESS = "offline_access";

/**
 * Chooses the scopes to ask for (S/2026-07-28/basic/authorization, "Scope Selection Strategy"): the challenge's, else
 * those of the resource's metadata, else none at all, never one of our own making. What was asked for before is asked
 * for again (the same page, "Step-Up Authorization Flow"). `offline_access` is added only where the authorization
 * server lists it ("Refresh Tokens"), and not to nothing: a scope where there was none would leave out the default ones.
 *
 * @returns `undefined` when the parameter is to be left out
 */
export function chooseScopes(sources: ScopeSources): readonly string[] | undefined {
  const { settings, challenge, resource, server, before = [], refreshable } = sources;
  // A step-up adds the challenge's scopes to the user's own, or nothing would ever come of it.
  const wanted = settings === undefined
    ? union(before, challenge ?? (before.length > 0 ? [] : resource ?? []))
    : union(settings, before.length > 0 ? union(before, challenge ?? []) : []);
  if (wanted.length === 0) return undefined;
  if (settings !== undefined || !refreshable || !server?.includes(OFFLINE_ACCESS)) return wanted;
  return union(wanted, [OFFLINE_ACCESS]);
}

/** The scopes of both, each once, in their order. */
export function union(some: readonly string[], others: readonly string[]): readonly string[] {
  return [...new Set([...some, ...others])].filter((scope) => scope !== "");
}

/** Reads a `scope` parameter (RFC 6749, section 3.3). */
export function splitScope(scope: string | undefined): readonly string[] | undefined {
  return scope?.split(/ +/).filter((it) => it !== "");
}

/** How often more scopes are asked for until they are granted for good. */
const STEP_UPS = 2;

/** What becomes of a 403 that asks for more scopes. */
export type StepUp =
  | { readonly kind: "ask" }
  /** It would be the same again. */
  | { readonly kind: "stop"; readonly why: string };

/**
 * Decides whether to ask for more scopes (S/2026-07-28/basic/authorization, "Step-Up Authorization Flow": no more than
 * a few times, then it is a permanent failure).
 *
 * @param asked the scopes of each step-up since the last request that succeeded
 * @param required the scopes that the challenge names
 */
export function mayStepUp(
  asked: readonly (readonly string[])[],
  required: readonly string[] | undefined,
): StepUp {
  if (required === undefined) return { kind: "stop", why: "the server does not say which scopes it wants" };
  if (asked.length >= STEP_UPS) {
    return { kind: "stop", why: `the server still wants more scopes after ${asked.length} sign-ins` };
  }
  const last = asked.at(-1);
  if (last !== undefined && required.every((scope) => last.includes(scope))) {
    return { kind: "stop", why: "the server wants scopes that were asked for already, and not granted" };
  }
  return { kind: "ask" };
}
