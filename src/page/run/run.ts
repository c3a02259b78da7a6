import type { ServiceFailure } from '../api/service-failure.js';
import type { Token } from './token.js';
import { appendTokens, countTokens, type TokenBlocks, takeTokens, tokenAt } from './token-blocks.js';

/** Where a run is: `waiting` has no token yet. */
export type RunPhase = 'idle' | 'waiting' | 'writing' | 'finished' | 'stopped' | 'failed';

/** When things happened, in milliseconds of one clock; of the last request, where a run was continued. */
export interface RunTimes {
  readonly startedAt: number;
  readonly firstTokenAt: number | null;
  readonly lastTokenAt: number | null;
  /** Tokens that the request brought. */
  readonly numTokens: number;
}

/** One pane's completion: the text so far, and how it came about. */
export interface Run {
  readonly phase: RunPhase;
  /** What it continues. */
  readonly prompt: string;
  readonly blocks: TokenBlocks;
  readonly times: RunTimes;
  /** Why it finished: the model ended the text, or the length was reached. */
  readonly finishReason: 'stop' | 'length' | null;
  readonly failure: ServiceFailure | null;
  /** Tokens of the prompt, and those of them that were already computed; null until the end. */
  readonly usage: { readonly promptTokens: number; readonly cachedTokens: number } | null;
}

/** What can happen to a run. */
export type RunEvent =
  | { readonly type: 'begin'; readonly prompt: string; readonly kept: TokenBlocks; readonly at: number }
  | { readonly type: 'tokens'; readonly tokens: readonly Token[]; readonly at: number }
  | { readonly type: 'usage'; readonly usage: NonNullable<Run['usage']> }
  | { readonly type: 'finish'; readonly reason: 'stop' | 'length' }
  | { readonly type: 'stop' }
  | { readonly type: 'fail'; readonly failure: ServiceFailure };

/** The run of a pane in which nothing has been written. */
export const IDLE_RUN: Run = {
  phase: 'idle',
  prompt: '',
  blocks: [],
  times: { startedAt: 0, firstTokenAt: null, lastTokenAt: null, numTokens: 0 },
  finishReason: null,
  failure: null,
  usage: null,
};

/** Tells whether a request is under way. */
export function isRunning({ phase }: Run): boolean {
  return phase === 'waiting' || phase === 'writing';
}

/** Makes the run that follows from an event. */
export function reduceRun(run: Run, event: RunEvent): Run {
  switch (event.type) {
    case 'begin':
      return {
        ...IDLE_RUN,
        phase: 'waiting',
        prompt: event.prompt,
        blocks: event.kept,
        times: { ...IDLE_RUN.times, startedAt: event.at },
      };
    case 'tokens':
      return {
        ...run,
        phase: 'writing',
        blocks: appendTokens(run.blocks, event.tokens),
        times: {
          ...run.times,
          firstTokenAt: run.times.firstTokenAt ?? event.at,
          lastTokenAt: event.at,
          numTokens: run.times.numTokens + event.tokens.length,
        },
      };
    case 'usage':
      return { ...run, usage: event.usage };
    case 'finish':
      return { ...run, phase: 'finished', finishReason: event.reason };
    case 'stop':
      return isRunning(run) ? { ...run, phase: 'stopped' } : run;
    case 'fail':
      return { ...run, phase: 'failed', failure: event.failure };
  }
}

/** Makes the tokens with which a run goes on where an alternative takes a token's place: all before it, then that one. */
export function withAlternative({ blocks }: Run, index: number, name: string): TokenBlocks {
  const token = tokenAt(blocks, index);
  const logprob = token?.alternatives.find((alternative) => alternative.name === name)?.logprob;
  if (token === undefined || logprob === undefined) return blocks;
  const taken: Token = { ...token, name, text: name, logprob, isTaken: true };
  return appendTokens(takeTokens(blocks, index), [taken]);
}

/** Says how many tokens come each second, from the first one on; null before there are two. */
export function toTokensPerSecond({ firstTokenAt, lastTokenAt, numTokens }: RunTimes): number | null {
  if (firstTokenAt === null || lastTokenAt === null || lastTokenAt === firstTokenAt) return null;
  return ((numTokens - 1) * 1000) / (lastTokenAt - firstTokenAt);
}

/** Says how many milliseconds passed until the first token; null before it. */
export function toFirstTokenMs({ startedAt, firstTokenAt }: RunTimes): number | null {
  return firstTokenAt === null ? null : firstTokenAt - startedAt;
}

/** Says how many tokens of the model's context are left for what goes on; undefined where that is not known. */
export function numTokensLeft({ usage, times }: Run, contextLength: number | undefined): number | undefined {
  if (usage === null || contextLength === undefined) return undefined;
  return Math.max(0, contextLength - usage.promptTokens - times.numTokens);
}

/** Counts all tokens of a run. */
export function numTokensOf({ blocks }: Run): number {
  return countTokens(blocks);
}
