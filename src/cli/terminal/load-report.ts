import type { LoadFigures, Times } from '../../load/load-tally.js';
import type { LoadResult } from '../../load/run-load.js';

/** Writes what a load has come to so far, in one line without its end. */
export function renderLoadLine(figures: LoadFigures, elapsedMs: number): string {
  const { counts, completionTokens, firstTokenMs, gapMs } = figures;
  const running = counts.sent - counts.completed - counts.refused - counts.failed - counts.left;
  const rate = (completionTokens * 1000) / elapsedMs;
  return [
    `${Math.round(elapsedMs / 1000)} s`,
    `${counts.completed} completed`,
    `${running} running`,
    `${counts.refused} refused`,
    `${counts.failed} failed`,
    `${counts.wrong} wrong`,
    `${rate.toFixed(0)} tokens/s`,
    `first token p50 ${toMs(firstTokenMs.p50)}, p99 ${toMs(firstTokenMs.p99)}`,
    `gap p99 ${toMs(gapMs.p99)}`,
  ].join(' | ');
}

/** Writes the result of a load. Ends with a newline. */
export function renderLoadResult(result: LoadResult): string {
  const { counts, metrics } = result;
  const lines = [
    `${counts.sent} requests in ${(result.durationMs / 1000).toFixed(1)} s: ${counts.completed} completed, ` +
      `${counts.refused} refused, ${counts.failed} failed, ${counts.left} left early, ${counts.wrong} wrong.`,
    ...(counts.notSent > 0 ? [`${counts.notSent} were due and not sent: too many were under way.`] : []),
    ...toReasonLines('refused', result.refusals),
    ...toReasonLines('failed', result.failures),
    `${result.completionTokensPerSecond.toFixed(1)} tokens/s, ${result.completedPerSecond.toFixed(2)} completed requests/s`,
    '',
    'ms                 p50       p90       p99       max     count',
    toTimesLine('first token', result.firstTokenMs),
    toTimesLine('gap', result.gapMs),
    toTimesLine('completed', result.completedMs),
    toTimesLine('refused', result.refusedMs),
    ...(metrics === undefined ? [] : ['', ...toMetricsLines(metrics)]),
  ];
  return `${lines.join('\n')}\n`;
}

function toReasonLines(outcome: string, reasons: Readonly<Record<string, number>>): string[] {
  return Object.entries(reasons).map(([reason, count]) => `  ${outcome}: ${reason} ${count}`);
}

function toTimesLine(name: string, { p50, p90, p99, max, count }: Times): string {
  const cells = [p50, p90, p99, max].map((ms) => (count === 0 ? '-' : ms.toFixed(1)).padStart(10));
  return `${name.padEnd(12)}${cells.join('')}${String(count).padStart(10)}`;
}

/** Memory and what the engine counted; all of it is in the JSON. */
function toMetricsLines({ increases, gauges }: NonNullable<LoadResult['metrics']>): string[] {
  const counted = Object.entries(increases).filter(([name]) =>
    /^linnet_\w*(tokens|retries)\w*_total$/.test(name),
  );
  const memory = Object.entries(gauges).filter(([series]) =>
    series.startsWith('process_resident_memory_bytes'),
  );
  return [
    ...counted.map(([name, increase]) => `${name} +${increase}`),
    ...memory.map(([series, { before, after }]) => `${series} ${toMiB(before)} -> ${toMiB(after)} MiB`),
  ];
}

function toMiB(bytes: number | undefined): string {
  return bytes === undefined ? '?' : (bytes / 2 ** 20).toFixed(0);
}

function toMs(ms: number): string {
  return Number.isNaN(ms) ? '-' : `${ms.toFixed(0)} ms`;
}
