import { philox4x32 } from './philox.js';

/** Gives the random number, in [0, 1), of one token: of one choice of a request, at one position of the sequence. */
export type Random = (choiceIndex: number, position: number) => number;

/**
 * Makes a request's source of random numbers. A number is a function of seed, choice and position alone, so a
 * token does not depend on what was drawn before it, nor on what else runs. Seeds are part of the API: these
 * numbers never change. A number is made of the first 53 bits of Philox4x32-10 with the seed as key and
 * (position, choiceIndex, 0, 0) as counter.
 *
 * @param seed 64 bits; a negative one is taken as its two's complement.
 */
export function createRandom(seed: bigint): Random {
  const key0 = Number(BigInt.asUintN(32, seed));
  const key1 = Number(BigInt.asUintN(32, seed >> 32n));
  return (choiceIndex, position) => {
    block[0] = position;
    block[1] = choiceIndex;
    block[2] = 0;
    block[3] = 0;
    philox4x32(block, key0, key1);
    return ((block[0]! >>> 5) * 2 ** 26 + (block[1]! >>> 6)) / 2 ** 53;
  };
}

/** The cipher's block; nothing runs between filling and reading it. */
const block = new Uint32Array(4);
