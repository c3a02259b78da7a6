import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RandomNumbers } from '../../../src/engine/sampling/random.js';

describe('random', () => {
  it('gives numbers that never change, since a seed is part of the API', () => {
    // The first words of philox4x32-10 for a counter and key of zeros: 6627e8d5 e169c58d.
    expect(firstOf(0n, 0, 0)).toBe(((0x6627e8d5 >>> 5) * 2 ** 26 + (0xe169c58d >>> 6)) / 2 ** 53);
    expect([
      firstOf(-1n, 0, 0),
      firstOf(-1n, 0, 1),
      firstOf(-1n, 1, 0),
      firstOf(2n ** 63n - 1n, 3, 1023),
    ]).toEqual(KNOWN);
  });

  it('depends on its arguments alone', () => {
    const arbitraryCall = fc.tuple(
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.nat(127),
      fc.nat(1023),
    );
    fc.assert(
      fc.property(fc.array(arbitraryCall, { minLength: 1 }), (calls) => {
        const first = calls.map(([seed, choice, position]) => firstOf(seed, choice, position));
        const again = calls.toReversed().map(([seed, choice, position]) => firstOf(seed, choice, position));
        expect(again.toReversed()).toEqual(first);
        for (const number of first) expect(number >= 0 && number < 1).toBe(true);
      }),
    );
  });

  it('goes on from each position with numbers of its own, and begins again after another', () => {
    const numbers = new RandomNumbers(7n);
    const three = (choice: number, position: number) => {
      numbers.seek(choice, position);
      return [numbers.next(), numbers.next(), numbers.next()];
    };
    const first = three(1, 5);
    const others = [...three(1, 6), ...three(2, 5)];
    expect(three(1, 5)).toEqual(first);
    expect(new Set([...first, ...others]).size).toBe(9);
  });

  it('tells apart seeds that differ in one bit, the highest and the sign included', () => {
    const numbers = new Set(Array.from({ length: 64 }, (_, bit) => firstOf(1n << BigInt(bit), 0, 0)));
    numbers.add(firstOf(0n, 0, 0));
    numbers.add(firstOf(-1n, 0, 0));
    expect(numbers.size).toBe(66);
  });

  it.each([
    ['positions', (i: number) => firstOf(42n, 0, i)],
    ['numbers of a position', nthOf],
    ['choices', (i: number) => firstOf(42n, i, 7)],
    ['seeds', (i: number) => firstOf(BigInt(i), 0, 0)],
    ['seeds 2^32 apart', (i: number) => firstOf(BigInt(i) << 32n, 0, 0)],
  ])('is uniform and uncorrelated over consecutive %s', (_, at) => {
    const numbers = Array.from({ length: 20_000 }, (__, i) => at(i));
    const buckets = new Array<number>(100).fill(0);
    for (const number of numbers) buckets[Math.floor(number * 100)]! += 1;
    const chiSquare = buckets.reduce((sum, count) => sum + (count - 200) ** 2 / 200, 0);
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
    let product = 0;
    for (let i = 1; i < numbers.length; i += 1) product += (numbers[i]! - 0.5) * (numbers[i - 1]! - 0.5);
    const correlation = (product / (numbers.length - 1)) * 12;
    expect(chiSquare).toBeLessThan(161); // 99 degrees of freedom: exceeded once in 10,000 times
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.009); // 4.4 standard errors
    expect(Math.abs(correlation)).toBeLessThan(0.031); // 4.4 standard errors
  });
});

function nthOf(n: number): number {
  if (n === 0) STREAM.seek(0, 0);
  return STREAM.next();
}

const STREAM = new RandomNumbers(42n);

function firstOf(seed: bigint, choice: number, position: number): number {
  return new RandomNumbers(seed).seek(choice, position).next();
}

/** Computed with an implementation in Python integers, which gives the published vectors too. */
const KNOWN = [0.447822034978262, 0.10154468040580866, 0.5222049723645529, 0.2455803098427236];
