import { setMaxListeners } from 'node:events';
import { runArrivalLoop } from './arrival-loop.js';
import type { Attempt } from './attempt.js';
import type { Caller } from './caller.js';
import { createGrpcCaller } from './grpc-caller.js';
import { createHttpCaller } from './http-caller.js';
import type { LoadOptions } from './load-options.js';
import { createRequestMix, type LoadRequest } from './load-request.js';
import { type LoadFigures, LoadTally } from './load-tally.js';
import { createRandom, drawLength, type Random } from './random.js';
import { compareMetrics, type MetricsChange, scrapeMetrics } from './scraped-metrics.js';

/** What a load came to. */
export interface LoadResult extends LoadFigures {
  readonly options: Omit<LoadOptions, 'apiKey'>;
  readonly startedAt: string;
  /** From the first request to the end of the last. */
  readonly durationMs: number;
  readonly completionTokensPerSecond: number;
  readonly completedPerSecond: number;
  /** What `/metrics` told; undefined where it was not read. */
  readonly metrics: MetricsChange | undefined;
}

/** What watches a load while it runs. */
export interface LoadObserver {
  /** Called every second with the figures so far. */
  onProgress(figures: LoadFigures, elapsedMs: number): void;
  /** Sends no more when it is aborted; the result is that of what was sent. */
  readonly signal: AbortSignal;
}

/** A load that can't be run or has no result; the message says why. */
export class LoadError extends Error {}

/**
 * Puts a load on a service, and tells what came of it.
 *
 * @throws LoadError where a reference text or the metrics are not to be had.
 */
export async function runLoad(options: LoadOptions, observer: LoadObserver): Promise<LoadResult> {
  const caller = /^grpcs?:/.test(options.target) ? createGrpcCaller(options) : createHttpCaller(options);
  try {
    const mix = createRequestMix(options);
    const texts = options.isChecked ? await readReferences(mix, caller, observer.signal) : [];
    const before = await scrape(options);
    const tally = new LoadTally();
    const startedAtMs = performance.now();
    const startedAt = new Date().toISOString();
    await sendAll({ options, observer, caller, mix, texts, tally });
    const durationMs = performance.now() - startedAtMs;
    const after = await scrape(options);
    const { apiKey: _, ...shown } = options;
    const figures = tally.figures();
    return {
      options: shown,
      startedAt,
      durationMs,
      completionTokensPerSecond: (figures.completionTokens * 1000) / durationMs,
      completedPerSecond: (figures.counts.completed * 1000) / durationMs,
      ...figures,
      metrics: before && after && compareMetrics(before, after),
    };
  } finally {
    caller.close();
  }
}

interface RunningLoad {
  readonly options: LoadOptions;
  readonly observer: LoadObserver;
  readonly caller: Caller;
  readonly mix: readonly LoadRequest[];
  /** The text of each request of the mix; empty where none is checked. */
  readonly texts: readonly string[];
  readonly tally: LoadTally;
}

async function sendAll(load: RunningLoad): Promise<void> {
  const { options, observer, tally } = load;
  const random = createRandom(options.seed + 1);
  const startedAtMs = performance.now();
  const giveUp = new AbortController();
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(), options.durationMs);
  // Every client waits for them.
  setMaxListeners(0, end.signal, giveUp.signal);
  // What runs when the time is over may finish, but not for ever: its own timeout is the bound.
  const ticker = setInterval(
    () => observer.onProgress(tally.figures(), performance.now() - startedAtMs),
    1000,
  );
  const stop = () => {
    end.abort();
    giveUp.abort();
  };
  observer.signal.addEventListener('abort', stop, { once: true });
  let numInFlight = 0;
  const send = async () => {
    if (numInFlight >= options.maxInFlight) {
      tally.addNotSent();
      return false;
    }
    numInFlight += 1;
    const attempt = await sendOne(load, random, giveUp.signal);
    numInFlight -= 1;
    return attempt.outcome === 'completed' || attempt.outcome === 'left';
  };
  try {
    await runArrivalLoop({ arrivals: options.arrivals, random, send, signal: end.signal });
  } finally {
    observer.signal.removeEventListener('abort', stop);
    clearTimeout(timer);
    clearInterval(ticker);
  }
}

async function sendOne(load: RunningLoad, random: Random, signal: AbortSignal): Promise<Attempt> {
  const { options, caller, mix, texts, tally } = load;
  const index = Math.floor(random() * mix.length);
  const request = mix[index];
  if (request === undefined) throw new LoadError('A load needs at least one request.');
  const leaves = random() < options.leaverShare;
  // From before the first text to before the last.
  const leaveAfter = leaves ? drawLength({ low: 1, high: request.maxTokens }, random) - 1 : undefined;
  tally.addSent();
  const attempt = await caller.call(request, { leaveAfter, signal });
  tally.add(attempt, texts[index]);
  return attempt;
}

/** Asks for each request once, one after the other. */
async function readReferences(
  mix: readonly LoadRequest[],
  caller: Caller,
  signal: AbortSignal,
): Promise<string[]> {
  const texts: string[] = [];
  for (const request of mix) {
    const { outcome, reason, text } = await caller.call(request, { leaveAfter: undefined, signal });
    if (outcome !== 'completed')
      throw new LoadError(`A reference text is not to be had: ${outcome}, ${reason}.`);
    texts.push(text);
  }
  return texts;
}

async function scrape({ metricsUrl, apiKey }: LoadOptions) {
  if (metricsUrl === undefined) return undefined;
  try {
    return await scrapeMetrics(metricsUrl, apiKey);
  } catch (error) {
    throw new LoadError(
      `${error instanceof Error ? error.message : error}. Start a service with \`linnet serve\`, or name the one that runs; ` +
        'one without metrics needs --metrics none.',
    );
  }
}
