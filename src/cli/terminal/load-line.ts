import pc from 'picocolors';
import type { EngineLoad } from '../processes/engine-load.js';
import { isColorful } from './banner.js';
import { StatusLine } from './status-line.js';

/** How often the line is drawn anew. Milliseconds. */
const PERIOD_MS = 1000;

/** A load, and when it was asked for. Milliseconds of any clock. */
interface Reading {
  readonly load: EngineLoad;
  readonly atMs: number;
}

/**
 * Shows on a terminal what the engine is doing, in a line below the log that is drawn anew each second, until the
 * returned function is called. Does nothing where standard output or standard error is no terminal, or can't redraw.
 *
 * @param ask tells the engine's load; undefined while there is no engine.
 */
export function showLoad(ask: () => Promise<EngineLoad | undefined>, process: NodeJS.Process): () => void {
  const { stdout, stderr, env } = process;
  if (!stdout.isTTY || !stderr.isTTY || env['TERM'] === 'dumb') return () => undefined;
  const line = new StatusLine(stderr);
  const { dim } = pc.createColors(isColorful(stderr, env));
  let previous: Reading | undefined;
  let hasEnded = false;
  const timer = setInterval(async () => {
    const load = await ask();
    if (hasEnded) return;
    const reading = load && { load, atMs: performance.now() };
    // The engine's own process shows how far a model's loading is.
    if (reading === undefined || reading.load.isLoading) line.clear();
    else line.draw(renderLoad(reading, previous), dim);
    previous = reading;
  }, PERIOD_MS);
  timer.unref();
  return () => {
    hasEnded = true;
    clearInterval(timer);
    line.clear();
  };
}

/** Says a load in one line; its rate of tokens is that since the reading before. */
export function renderLoad({ load, atMs }: Reading, previous: Reading | undefined): string {
  const { runningRequests, waitingRequests, kvCacheUsedBytes, kvCacheLimitBytes } = load;
  const facts = [`${runningRequests} running`, `${waitingRequests} waiting`];
  const rate = previous === undefined ? 0 : rateBetween(previous, { load, atMs });
  facts.push(`${rate < 9.95 ? Number(rate.toFixed(1)) : Math.round(rate)} tokens/s`);
  if (kvCacheLimitBytes > 0) {
    const percent = Math.ceil((kvCacheUsedBytes / kvCacheLimitBytes) * 100);
    facts.push(`KV cache ${percent} %`);
  }
  return `  ${facts.join(' · ')}`;
}

function rateBetween(from: Reading, to: Reading): number {
  const seconds = (to.atMs - from.atMs) / 1000;
  // An engine that was started again counts from 0.
  return seconds <= 0 ? 0 : Math.max(0, to.load.generatedTokens - from.load.generatedTokens) / seconds;
}
