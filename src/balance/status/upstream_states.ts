import type { UpstreamState } from "../snapshot.ts";

/** How a state is shown to people. */
export interface StateLook {
  /** The state in a word or two. */
  readonly word: string;
  /** What a colour says of it: nothing to do, something is at rest, look at it, it is broken. */
  readonly tone: "good" | "calm" | "warn" | "bad";
  /** The same for those who see no colours. */
  readonly sign: string;
  /** Requests go there as they would to any other. */
  readonly takesRequests: boolean;
}

/** Each state as people see it. Those that no more than a single request may try don't take requests. */
export const UPSTREAM_STATES: Readonly<Record<UpstreamState, StateLook>> = {
  unused: { word: "not used yet", tone: "calm", sign: "○", takesRequests: true },
  up: { word: "up", tone: "good", sign: "●", takesRequests: true },
  slow_start: { word: "slow start", tone: "good", sign: "◐", takesRequests: true },
  resting: { word: "resting", tone: "warn", sign: "‖", takesRequests: false },
  ejected: { word: "ejected", tone: "warn", sign: "▲", takesRequests: false },
  down: { word: "down", tone: "bad", sign: "✕", takesRequests: false },
  trial: { word: "on trial", tone: "warn", sign: "◔", takesRequests: false },
  draining: { word: "draining", tone: "calm", sign: "▽", takesRequests: false },
};
