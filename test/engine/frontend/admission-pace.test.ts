import { describe, expect, it } from 'vitest';
import { AdmissionPace } from '../../../src/engine/frontend/admission-pace.js';

describe('AdmissionPace', () => {
  it('knows nothing before somebody has waited', () => {
    const pace = new AdmissionPace();
    pace.step(4, 0, 0);
    pace.step(1, 0, 1000);
    expect(pace.leastWaitMs(9, 1000)).toBe(0);
    pace.step(0, 3, 2000);
    expect(pace.leastWaitMs(3, 2000)).toBe(0);
  });

  it('expects of those before a request what admissions took while somebody waited', () => {
    const pace = new AdmissionPace();
    pace.step(1, 0, 0);
    pace.step(0, 3, 1000); // the queue begins
    pace.step(0, 3, 1200);
    pace.step(1, 2, 1400); // 400 ms after that
    expect(pace.leastWaitMs(2, 1400)).toBe(800);
    expect(pace.leastWaitMs(1, 1400)).toBe(400);
    pace.step(2, 5, 1600); // 600 ms for three, but for a thirty-second of the first
    expect(pace.leastWaitMs(5, 1600)).toBeCloseTo((5 * (400 * (31 / 32) + 200)) / (31 / 32 + 2));
    pace.step(5, 0, 1700);
    expect(pace.leastWaitMs(1, 1700)).toBe(0);
  });

  it('does not count the time in which nobody waited', () => {
    const pace = new AdmissionPace();
    pace.step(0, 1, 0);
    pace.step(1, 0, 100);
    pace.step(1, 0, 50_000);
    pace.step(0, 2, 60_000);
    pace.step(1, 1, 60_100);
    expect(pace.leastWaitMs(1, 60_100)).toBe(100);
  });

  it('is as sure in a burst of admissions as in the pause before it', () => {
    const pace = new AdmissionPace();
    pace.step(0, 50, 0);
    const told: number[] = [];
    for (let second = 1; second <= 20; second++) {
      // Four admissions, a pause, twelve at once: 62.5 ms each.
      pace.step(4, 50, second * 1000 - 300);
      told.push(pace.leastWaitMs(32, second * 1000 - 300));
      pace.step(12, 50, second * 1000);
      told.push(pace.leastWaitMs(32, second * 1000));
    }
    for (const waitMs of told.slice(8)) {
      expect(waitMs).toBeGreaterThan(1800);
      expect(waitMs).toBeLessThan(2250);
    }
  });

  it('forgets what was measured long ago, so that a slow hour does not shut the door for good', () => {
    const pace = new AdmissionPace();
    pace.step(0, 10, 0);
    pace.step(1, 9, 5000);
    expect(pace.leastWaitMs(9, 15_000)).toBe(45_000);
    expect(pace.leastWaitMs(9, 15_001)).toBe(0);
    pace.step(9, 0, 20_000);
    pace.step(0, 3, 40_000);
    expect(pace.leastWaitMs(3, 40_000)).toBe(0);
  });

  it('knows the pace as long as steps go on and somebody waits, however rare admissions are', () => {
    const pace = new AdmissionPace();
    pace.step(0, 10, 0);
    pace.step(1, 9, 5000);
    for (let ms = 6000; ms <= 60_000; ms += 1000) pace.step(0, 9, ms);
    expect(pace.leastWaitMs(9, 60_000)).toBe(45_000);
  });
});
