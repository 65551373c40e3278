/** Draws of chance that are the same in every run. */
export interface Draws {
  /** From 0 up to 1. */
  readonly uniform: () => number;
  /** With a mean of 1. */
  readonly exponential: () => number;
  /** With a mean of 1 and a heavy tail: see {@linkcode HEAVY_SECOND_MOMENT}. */
  readonly heavy: () => number;
}

/** The exponent of the heavy tail, and the greatest value beside the least: a bounded Pareto distribution. */
const SHAPE = 1.5;
const RANGE = 1000;
/** The least value, so that the mean is 1. */
const LEAST = 1 / boundedParetoMoment(1);

/** The mean square of heavy draws; of exponential ones it is 2. */
export const HEAVY_SECOND_MOMENT = LEAST ** 2 * boundedParetoMoment(2);

/** Makes draws from a seed: the generator is "sfc32". */
export function createDraws(seed: number): Draws {
  let [a, b, c, counter] = [0x9e3779b9, 0x243f6a88, seed | 0, 1];
  function uniform(): number {
    const next = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + next | 0;
    return (next >>> 0) / 0x1_0000_0000;
  }
  for (let i = 0; i < 16; i++) uniform();
  return {
    uniform,
    exponential: () => -Math.log(1 - uniform()),
    heavy: () => LEAST * (1 - uniform() * (1 - RANGE ** -SHAPE)) ** (-1 / SHAPE),
  };
}

/** The moment of a bounded Pareto distribution that begins at 1. */
function boundedParetoMoment(order: number): number {
  return SHAPE / (SHAPE - order) * (1 - RANGE ** (order - SHAPE)) / (1 - RANGE ** -SHAPE);
}
