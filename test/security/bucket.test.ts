import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Bucket } from '../../src/security/bucket.js';

const RATE = { capacity: 60, perMs: 60 / 60_000 };

describe('Bucket', () => {
  it('is full at first, gives what it holds at once, and then what flows in', () => {
    const bucket = new Bucket();
    for (let i = 0; i < 60; i++) {
      expect(bucket.waitMs(1, RATE, 0)).toBe(0);
      bucket.take(1, RATE, 0);
    }
    expect(bucket.waitMs(1, RATE, 0)).toBeCloseTo(1000);
    expect(bucket.waitMs(1, RATE, 400)).toBeCloseTo(600);
    expect(bucket.waitMs(1, RATE, 1000)).toBeCloseTo(0);
  });

  it('makes whoever comes next wait for what was overdrawn', () => {
    const bucket = new Bucket();
    bucket.take(180, RATE, 0);
    expect(bucket.waitMs(1, RATE, 0)).toBeCloseTo(121_000);
    expect(bucket.waitMs(1, RATE, 121_000)).toBeCloseTo(0);
  });

  it('never holds more than its capacity, and says exactly how long to wait', () => {
    const takes = fc.array(fc.record({ afterMs: fc.nat(120_000), amount: fc.integer({ min: 1, max: 100 }) }));
    fc.assert(
      fc.property(takes, fc.integer({ min: 1, max: 60 }), (list, amount) => {
        const bucket = new Bucket();
        let nowMs = 0;
        for (const take of list) {
          nowMs += take.afterMs;
          bucket.take(take.amount, RATE, nowMs);
          expect(bucket.waitMs(RATE.capacity, RATE, nowMs)).toBeGreaterThan(0);
        }
        const waitMs = bucket.waitMs(amount, RATE, nowMs);
        expect(bucket.waitMs(amount, RATE, nowMs + waitMs)).toBeCloseTo(0, 4);
        if (waitMs > 1) expect(bucket.waitMs(amount, RATE, nowMs + waitMs - 1)).toBeGreaterThan(0);
      }),
    );
  });
});
