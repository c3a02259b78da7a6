import { describe, expect, it } from 'vitest';
import type { Attempt } from '../../src/load/attempt.js';
import { LoadTally } from '../../src/load/load-tally.js';

const ATTEMPT: Attempt = {
  outcome: 'completed',
  reason: '',
  text: 'once',
  completionTokens: 3,
  firstTokenMs: 20,
  gapsMs: [5, 10],
  durationMs: 35,
};

describe('a tally of attempts', () => {
  it('counts a completed text that differs from its reference as wrong', () => {
    const tally = new LoadTally();
    tally.add(ATTEMPT, 'once');
    tally.add(ATTEMPT, 'twice');
    tally.add(ATTEMPT, undefined);
    expect(tally.figures()).toMatchObject({ counts: { completed: 3, wrong: 1 }, completionTokens: 9 });
  });

  it('does not compare a text that did not come to its end', () => {
    const tally = new LoadTally();
    tally.add({ ...ATTEMPT, outcome: 'left', text: 'on' }, 'once');
    tally.add({ ...ATTEMPT, outcome: 'failed', reason: 'CUT', text: 'on' }, 'once');
    expect(tally.figures()).toMatchObject({ counts: { left: 1, failed: 1, wrong: 0 }, failures: { CUT: 1 } });
  });

  it('has percentiles to three digits, whatever their size', () => {
    const tally = new LoadTally();
    for (let ms = 1; ms <= 1000; ms++)
      tally.add({ ...ATTEMPT, firstTokenMs: ms, gapsMs: [ms / 1000] }, undefined);
    const { firstTokenMs, gapMs } = tally.figures();
    for (const [percentile, expected] of [
      ['p50', 500],
      ['p90', 900],
      ['p99', 990],
      ['max', 1000],
    ] as const) {
      expect(firstTokenMs[percentile] / expected).toBeCloseTo(1, 2);
      expect((gapMs[percentile] * 1000) / expected).toBeCloseTo(1, 2);
    }
  });

  it('has no times where nothing was timed', () => {
    expect(new LoadTally().figures().refusedMs).toEqual({ count: 0, p50: NaN, p90: NaN, p99: NaN, max: NaN });
  });
});
