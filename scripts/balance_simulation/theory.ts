/**
 * What textbooks say of the policies: of n upstreams, m requests, a load ρ per upstream. Times are in mean service times.
 */

/**
 * The greatest number of requests at one upstream when each is drawn by lot and none is answered (Raab & Steger, "Balls into
 * Bins", 1998): for as many requests as upstreams ln n ÷ ln ln n and a term more, for many m/n + √(2 (m/n) ln n).
 */
export function greatestOfRandom(requests: number, upstreams: number): number {
  const mean = requests / upstreams;
  const log = Math.log(upstreams);
  if (mean >= log) return mean + Math.sqrt(2 * mean * log);
  const base = Math.log(log / mean);
  return log / base * (1 + Math.log(base) / base);
}

/**
 * The mean of the same number as it is at this very n, where the formula for large n is still off: each upstream has about
 * Poisson many, and the greatest is at most k when all are.
 */
export function expectedGreatestOfRandom(requests: number, upstreams: number): number {
  const mean = requests / upstreams;
  let density = Math.exp(-mean);
  let upTo = density;
  let expected = 0;
  // The sum over k of the chance that the greatest is above k. As e^−m/n is too small a number for great m/n, it then starts
  // where that chance is still 1.
  let k = 0;
  if (mean > 100) {
    k = Math.floor(mean - 6 * Math.sqrt(mean));
    expected = k;
    density = Math.exp(k * Math.log(mean) - mean - logFactorial(k));
    upTo = density;
  }
  for (; k < mean + 12 * Math.sqrt(mean) + 40; k++) {
    expected += 1 - Math.min(1, upTo) ** upstreams;
    density *= mean / (k + 1);
    upTo += density;
  }
  return expected;
}

function logFactorial(n: number): number {
  let sum = 0;
  for (let i = 2; i <= n; i++) sum += Math.log(i);
  return sum;
}

/** The same when the emptier of two is taken (Azar et al. 1994; Berenbrink et al. 2000 for many): m/n + ln ln n ÷ ln 2. */
export function greatestOfTwoChoices(requests: number, upstreams: number): number {
  return requests / upstreams + Math.log(Math.log(upstreams)) / Math.LN2;
}

/** The same for one after the other, and for the emptiest of all: nothing can be more even. */
export function greatestOfEven(requests: number, upstreams: number): number {
  return Math.ceil(requests / upstreams);
}

/** How an upstream's queue looks, the one being served included. */
export interface QueueTheory {
  /** The chance that there are at least so many. */
  readonly tail: (k: number) => number;
  /** The mean time from arrival to answer. */
  readonly mean: number;
  /** The time within which this share of requests is answered, where it is known. */
  readonly quantile?: (share: number) => number;
}

/** M/M/1: what `random`, and `hash` over ever new keys, make of Poisson arrivals. */
export function singleQueue(load: number): QueueTheory {
  return {
    tail: (k) => load ** k,
    mean: 1 / (1 - load),
    quantile: (share) => -Math.log(1 - share) / (1 - load),
  };
}

/** The supermarket model (Vvedenskaya et al. 1996, Mitzenmacher 1996): the shorter of two queues, for many upstreams. */
export function supermarket(load: number): QueueTheory {
  let mean = 0;
  for (let i = 1; i < 30; i++) mean += load ** (2 ** i - 2);
  return { tail: (k) => load ** (2 ** k - 1), mean };
}

/** E_n/M/1: what round robin makes of Poisson arrivals, each upstream getting every n-th; nearly D/M/1. */
export function everyNth(load: number, upstreams: number): QueueTheory {
  // The share of arrivals that find somebody waiting or served solves σ = A*(1 − σ), the transform of the gaps.
  let busy = load;
  for (let i = 0; i < 10_000; i++) busy = (1 + (1 - busy) / (load * upstreams)) ** -upstreams;
  return {
    tail: (k) => k === 0 ? 1 : load * busy ** (k - 1),
    mean: 1 / (1 - busy),
    quantile: (share) => -Math.log(1 - share) / (1 - busy),
  };
}

/** The shortest queue of all, for many upstreams: nobody waits (the limit; at n upstreams a few do). */
export function shortestQueue(load: number): QueueTheory {
  return {
    tail: (k) => k === 0 ? 1 : k === 1 ? load : 0,
    mean: 1,
    quantile: (share) => -Math.log(1 - share),
  };
}

/**
 * M/G/1 (Pollaczek & Khinchine): the mean time at an upstream that gets its part by lot, however service times vary.
 *
 * @param secondMoment the mean square of service times of mean 1
 */
export function anyServiceMean(load: number, secondMoment: number): number {
  return 1 + load * secondMoment / 2 / (1 - load);
}
