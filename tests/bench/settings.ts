/** How much is measured. */

/** The amounts of one run. */
export interface Amounts {
  /** Interleaved rounds of every measure. */
  readonly rounds: number;
  /** Rounds in which rivals make the 100,000 calls too. */
  readonly rivalSoakRounds: number;
  /** Spawns a round whose median is one sample. */
  readonly starts: number;
  /** Calls before anything is timed. */
  readonly warmCalls: number;
  /** Blocks of timed calls a round, between which the subjects take turns. */
  readonly blocks: number;
  readonly callsPerBlock: number;
  /** Flooding before and while calls/s are counted, in milliseconds. */
  readonly floodWarmMs: number;
  readonly floodMs: number;
  /** Results of 1 MiB and 16 MiB a round. */
  readonly mib1Calls: number;
  readonly mib16Calls: number;
  /** Rest before memory is read, in milliseconds. */
  readonly settleMs: number;
}

/** The real run. */
export const FULL: Amounts = {
  rounds: 5,
  rivalSoakRounds: 1,
  starts: 3,
  warmCalls: 300,
  blocks: 20,
  callsPerBlock: 40,
  floodWarmMs: 1000,
  floodMs: 2000,
  mib1Calls: 20,
  mib16Calls: 3,
  settleMs: 1000,
};

/** For trying: one round, fewer calls. */
export const QUICK: Amounts = {
  ...FULL,
  rounds: 1,
  rivalSoakRounds: 0,
  blocks: 10,
  floodMs: 1000,
  mib1Calls: 8,
  mib16Calls: 2,
  settleMs: 500,
};

/** Requests in flight when calls/s are counted. */
export const IN_FLIGHT = 64;
/** Calls of the soak measure: memory is read after the first number, and again after the second. */
export const SOAK_CALLS = [10_000, 100_000] as const;
