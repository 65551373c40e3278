import type { PoolSnapshot, UpstreamSnapshot } from "../../../src/balance/snapshot.ts";

/** Names and reasons as an enemy would choose them. */
export const NASTY = [
  `http://h/"quoted"`,
  "http://h/back\\slash\\n",
  "http://h/new\nline",
  "</script><script>globalThis.hacked = 1</script>",
  `<img src=x onerror="globalThis.hacked = 1">`,
  "http://h/\u202egnp.exe",
  "http://h/lone\ud800",
  "__proto__",
  "http://h/" + "long".repeat(200),
] as const;

/** When all these pools started. */
export const STARTED_AT = Date.UTC(2026, 0, 2, 3, 4, 5);

/** An upstream that is well, and what is different about it. */
export function madeUpstream(endpoint: string, parts: Partial<UpstreamSnapshot> = {}): UpstreamSnapshot {
  return {
    endpoint,
    state: "up",
    since: STARTED_AT,
    weight: 1,
    inFlight: 0,
    requests: 0,
    answered: 0,
    failed: 0,
    moved: 0,
    opened: 0,
    ejected: 0,
    checks: 0,
    checksFailed: 0,
    histogram: [[5, 0], [10, 0], [Infinity, 0]],
    latencySumMs: 0,
    ...parts,
  };
}

/** A pool of them, an hour after its start. */
export function madePool(
  upstreams: readonly UpstreamSnapshot[],
  parts: Partial<PoolSnapshot> = {},
): PoolSnapshot {
  return {
    policy: "round-robin",
    startedAt: STARTED_AT,
    takenAt: STARTED_AT + 3_600_000,
    ready: true,
    upstreams,
    ...parts,
  };
}
