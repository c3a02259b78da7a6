import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LoadPace } from '../../../src/engine/frontend/load-pace.js';

/** A model that was loaded once, in so many milliseconds. */
function loadedIn(ms: number): LoadPace {
  const pace = new LoadPace();
  pace.start(0);
  pace.complete(ms);
  return pace;
}

describe('LoadPace', () => {
  it('expects two seconds where nothing is known, less what has passed since the load began', () => {
    const pace = new LoadPace();
    pace.start(10_000);
    expect(pace.remainingMs(10_000)).toBe(2000);
    expect(pace.remainingMs(10_800)).toBe(1200);
  });

  it('expects a load to take as long as the last one', () => {
    const pace = loadedIn(7000);
    pace.start(60_000);
    expect(pace.remainingMs(62_000)).toBe(5000);
    expect(pace.remainingMs(90_000)).toBe(500);
  });

  it('expects the rest to be quantized as fast as what is done', () => {
    const pace = loadedIn(7000);
    pace.start(100_000);
    pace.advance(0.25);
    expect(pace.remainingMs(105_000)).toBe(15_000);
    expect(pace.share).toBe(0.25);
    pace.advance(1);
    expect(pace.remainingMs(120_000)).toBe(500);
  });

  it('does not expect weights to be quantized again', () => {
    const pace = loadedIn(3000);
    pace.start(10_000);
    pace.advance(1);
    pace.complete(200_000);
    pace.start(300_000);
    expect(pace.share).toBeUndefined();
    expect(pace.remainingMs(300_000)).toBe(3000);
  });

  it('stays between half a second and a minute', () => {
    const times = fc.nat(10_000_000);
    fc.assert(
      fc.property(times, times, fc.option(fc.double({ min: 0, max: 1, noNaN: true })), (last, now, share) => {
        const pace = loadedIn(last);
        pace.start(0);
        if (share !== null) pace.advance(share);
        const ms = pace.remainingMs(now);
        expect(ms).toBeGreaterThanOrEqual(500);
        expect(ms).toBeLessThanOrEqual(60_000);
      }),
    );
  });
});
