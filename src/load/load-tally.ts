import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { Attempt } from './attempt.js';

/** Times in milliseconds. NaN, in JSON null, where there were none. */
export interface Times {
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** What became of the requests of a load. */
export interface LoadCounts {
  readonly sent: number;
  readonly completed: number;
  readonly refused: number;
  readonly failed: number;
  readonly left: number;
  /** Of the completed ones: those whose text differs from the reference. */
  readonly wrong: number;
  /** Due in an open loop while as many as may be were under way. */
  readonly notSent: number;
}

/** What is known of a load, at its end or before. */
export interface LoadFigures {
  readonly counts: LoadCounts;
  /** Refusals and failures by their reasons. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly failures: Readonly<Record<string, number>>;
  /** Tokens of completions, those that did not come to their end included. */
  readonly completionTokens: number;
  /** From the request to the first text. */
  readonly firstTokenMs: Times;
  /** Between two parts of a text. */
  readonly gapMs: Times;
  /** Of completed requests, from the request to the end. */
  readonly completedMs: Times;
  /** Of refused requests. */
  readonly refusedMs: Times;
}

/** Adds up attempts, in memory that does not grow with their number. */
export class LoadTally {
  readonly #firstToken = createTimes();
  readonly #gap = createTimes();
  readonly #completed = createTimes();
  readonly #refused = createTimes();
  readonly #counts = { sent: 0, completed: 0, refused: 0, failed: 0, left: 0, wrong: 0, notSent: 0 };
  readonly #reasons = { refused: new Map<string, number>(), failed: new Map<string, number>() };
  #completionTokens = 0;

  /** A request has been sent. */
  addSent(): void {
    this.#counts.sent += 1;
  }

  /** A request was due and has not been sent. */
  addNotSent(): void {
    this.#counts.notSent += 1;
  }

  /** @param expected the text that a completed request must have; undefined for any. */
  add(attempt: Attempt, expected: string | undefined): void {
    const { outcome, reason, durationMs, firstTokenMs } = attempt;
    this.#counts[outcome] += 1;
    this.#completionTokens += attempt.completionTokens;
    if (outcome === 'refused' || outcome === 'failed') {
      const reasons = this.#reasons[outcome];
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    if (outcome === 'refused') record(this.#refused, durationMs);
    if (outcome === 'completed') record(this.#completed, durationMs);
    if (outcome === 'completed' && expected !== undefined && attempt.text !== expected)
      this.#counts.wrong += 1;
    if (firstTokenMs !== undefined) record(this.#firstToken, firstTokenMs);
    for (const gapMs of attempt.gapsMs) record(this.#gap, gapMs);
  }

  figures(): LoadFigures {
    return {
      counts: { ...this.#counts },
      refusals: Object.fromEntries(this.#reasons.refused),
      failures: Object.fromEntries(this.#reasons.failed),
      completionTokens: this.#completionTokens,
      firstTokenMs: toTimes(this.#firstToken),
      gapMs: toTimes(this.#gap),
      completedMs: toTimes(this.#completed),
      refusedMs: toTimes(this.#refused),
    };
  }
}

/** Microseconds up to an hour, to three digits. */
function createTimes(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: 3_600_000_000, figures: 3 });
}

function record(histogram: RecordableHistogram, ms: number): void {
  histogram.record(Math.min(Math.max(Math.round(ms * 1000), 1), 3_600_000_000));
}

function toTimes(histogram: RecordableHistogram): Times {
  const { count } = histogram;
  const at = (percentile: number) => (count === 0 ? Number.NaN : histogram.percentile(percentile) / 1000);
  return { count, p50: at(50), p90: at(90), p99: at(99), max: at(100) };
}
