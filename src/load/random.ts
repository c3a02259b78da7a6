import type { Range } from './load-options.js';

/** Numbers in [0, 1), the same for the same seed. */
export type Random = () => number;

/** Creates a generator (mulberry32), which is good enough to mix requests. */
export function createRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws a whole number of a range, evenly on a logarithmic scale: most are short, and some are long. */
export function drawLength({ low, high }: Range, random: Random): number {
  return Math.min(high, Math.floor(low * ((high + 1) / low) ** random()));
}

/** Draws a time until the next of events that come on average this often, independently of each other. */
export function drawWait(meanMs: number, random: Random): number {
  return -Math.log(1 - random()) * meanMs;
}
