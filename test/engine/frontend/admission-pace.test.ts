import { describe, expect, it } from 'vitest';
import { AdmissionPace } from '../../../src/engine/frontend/admission-pace.js';

describe('AdmissionPace', () => {
  it('knows nothing before somebody has waited', () => {
    const pace = new AdmissionPace();
    pace.step(4, 0, 0);
    pace.step(1, 0, 1000);
    expect(pace.leastWaitMs(1000)).toBe(0);
    pace.step(0, 3, 2000);
    expect(pace.leastWaitMs(2000)).toBe(0);
  });

  it('expects of those who wait what admissions took while somebody waited', () => {
    const pace = new AdmissionPace();
    pace.step(1, 0, 0);
    pace.step(0, 3, 1000); // the queue begins
    pace.step(0, 3, 1200);
    pace.step(1, 2, 1400); // 400 ms after that
    expect(pace.leastWaitMs(1400)).toBe(800);
    pace.step(2, 5, 1600); // 100 ms each
    expect(pace.leastWaitMs(1600)).toBeCloseTo(5 * 310);
    pace.step(5, 0, 1700);
    expect(pace.leastWaitMs(1700)).toBe(0);
  });

  it('does not count the time in which nobody waited', () => {
    const pace = new AdmissionPace();
    pace.step(0, 1, 0);
    pace.step(1, 0, 100);
    pace.step(1, 0, 50_000);
    pace.step(0, 2, 60_000);
    pace.step(1, 1, 60_100);
    expect(pace.leastWaitMs(60_100)).toBe(100);
  });

  it('forgets what was measured long ago, so that a slow hour does not shut the door for good', () => {
    const pace = new AdmissionPace();
    pace.step(0, 10, 0);
    pace.step(1, 9, 5000);
    expect(pace.leastWaitMs(15_000)).toBe(45_000);
    expect(pace.leastWaitMs(15_001)).toBe(0);
  });
});
