import { philox4x32 } from './philox.js';

/** Where random numbers come from. */
export interface RandomSource {
  /** The next number, in [0, 1). */
  next(): number;
}

/**
 * A request's source of random numbers. They are a function of seed, choice and position, so a token does not depend on
 * what was drawn before it, nor on what else runs. Seeds are part of the API: these numbers never change. The n-th
 * number, from 0, of one choice of a request at one position of the sequence is made of the first 53 bits of Philox4x32-10
 * with the seed as key and (position, choice, n, 0) as counter.
 */
export class RandomNumbers implements RandomSource {
  readonly #key0: number;
  readonly #key1: number;
  readonly #block = new Uint32Array(4);
  #choice = 0;
  #position = 0;
  #numDrawn = 0;

  /** @param seed 64 bits; a negative one is taken as its two's complement. */
  constructor(seed: bigint) {
    this.#key0 = Number(BigInt.asUintN(32, seed));
    this.#key1 = Number(BigInt.asUintN(32, seed >> 32n));
  }

  /** Goes to the first number of a position, both from 0 to 2^32 - 1. */
  seek(choice: number, position: number): this {
    this.#choice = choice;
    this.#position = position;
    this.#numDrawn = 0;
    return this;
  }

  next(): number {
    const block = this.#block;
    block[0] = this.#position;
    block[1] = this.#choice;
    block[2] = this.#numDrawn;
    block[3] = 0;
    this.#numDrawn += 1;
    philox4x32(block, this.#key0, this.#key1);
    return ((block[0]! >>> 5) * 2 ** 26 + (block[1]! >>> 6)) / 2 ** 53;
  }
}
