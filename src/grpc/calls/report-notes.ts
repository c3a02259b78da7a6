import type { RequestReport } from '../../engine/index.js';

/** Says what the log tells of a request that has ended: counts, reasons and times, never text. */
export function toNotes(report: RequestReport): Readonly<Record<string, unknown>> {
  const { model, moments, phase, usage, finishReasons, error } = report;
  const { arrivedAtMs, firstStepAtMs, firstTokenAtMs, lastTokenAtMs } = moments;
  const { promptTokens, cachedTokens, completionTokens } = usage;
  const reasons = [...new Set(finishReasons)];
  return {
    ...(model !== undefined && { model }),
    ...(firstStepAtMs !== undefined && { promptTokens, cachedTokens, completionTokens }),
    ...(finishReasons.length > 1 && { choices: finishReasons.length }),
    ...(reasons.length > 0 && { finishReason: reasons.join(',') }),
    ...(error !== undefined && { phase }),
    queueMs: between(arrivedAtMs, firstStepAtMs),
    prefillMs: between(firstStepAtMs, firstTokenAtMs),
    decodeMs: between(firstTokenAtMs, lastTokenAtMs),
    firstTokenMs: between(arrivedAtMs, firstTokenAtMs),
  };
}

/** Milliseconds with one decimal; undefined, and so left out of the log, for what there was not. */
function between(fromMs: number | undefined, toMs: number | undefined): number | undefined {
  return fromMs === undefined || toMs === undefined ? undefined : Math.round((toMs - fromMs) * 10) / 10;
}
