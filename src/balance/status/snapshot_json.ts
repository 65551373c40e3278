import type { PoolSnapshot } from "../snapshot.ts";

/** Writes a snapshot as JSON, which has no `Infinity`: the last bound of a histogram is the text `+Inf` there. */
export function snapshotJson(snapshot: PoolSnapshot): string {
  return JSON.stringify(snapshot, (_name, value) => value === Infinity ? "+Inf" : value);
}
