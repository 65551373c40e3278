import { neutralise } from "../../telemetry/neutralise.ts";
import type { PoolSnapshot, UpstreamSnapshot } from "../snapshot.ts";
import { UPSTREAM_STATES } from "./upstream_states.ts";

/** Beyond so many, the others are counted only. */
const MOST_NAMED = 20;

/** Says in one line whether the pool takes requests and, where it does not, what keeps each upstream from it. */
export function readiness({ ready, upstreams }: PoolSnapshot): string {
  if (ready) return "ready";
  if (upstreams.length === 0) return "Not ready: there are no upstreams.";
  const out = upstreams.filter(({ state }) => !UPSTREAM_STATES[state].takesRequests);
  const named = out.slice(0, MOST_NAMED).map(told);
  if (out.length > named.length) named.push(`and ${out.length - named.length} more`);
  return `Not ready: no upstream takes requests${named.length === 0 ? "" : `: ${named.join("; ")}`}.`;
}

function told({ endpoint, state, why }: UpstreamSnapshot): string {
  const reason = why === undefined || why === "" ? "" : ` (${neutralise(why)})`;
  return `${neutralise(endpoint)} is ${UPSTREAM_STATES[state].word}${reason}`;
}
