// What can be said of runs. A run is one completion as its reader saw it: `startedAtMs`, when it was asked for, and
// `timesMs`, when each of its tokens came.
import { quantile } from './statistics.mjs';

/** Tokens a second from the first token to the last. */
export function decodeRate({ timesMs }) {
  return ((timesMs.length - 1) * 1000) / (timesMs.at(-1) - timesMs[0]);
}

/** Milliseconds from the request to the first token. */
export function firstTokenMs({ startedAtMs, timesMs }) {
  return timesMs[0] - startedAtMs;
}

/** Tokens a second of all runs, from the first request to the last token. */
export function totalRate(runs) {
  const from = Math.min(...runs.map((run) => run.startedAtMs));
  const to = Math.max(...runs.map((run) => run.timesMs.at(-1)));
  return (runs.reduce((sum, run) => sum + run.timesMs.length, 0) * 1000) / (to - from);
}

/** Tokens a second of all runs together while all of them decode. */
export function steadyRate(runs) {
  const from = Math.max(...runs.map((run) => run.timesMs[0]));
  const to = Math.min(...runs.map((run) => run.timesMs.at(-1)));
  const count = runs.flatMap((run) => run.timesMs).filter((time) => time > from && time <= to).length;
  return (count * 1000) / (to - from);
}

/** Milliseconds between a run's tokens. */
export function gapsMs({ timesMs }) {
  return timesMs.slice(1).map((time, index) => time - timesMs[index]);
}

/** The gap between tokens that 99 of 100 do not exceed, over all runs. */
export function gapP99(runs) {
  return quantile(runs.flatMap(gapsMs), 0.99);
}
