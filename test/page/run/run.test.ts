import { describe, expect, it } from 'vitest';
import { ServiceFailure } from '../../../src/page/api/service-failure.js';
import {
  IDLE_RUN,
  numTokensLeft,
  numTokensOf,
  type Run,
  type RunEvent,
  reduceRun,
  toFirstTokenMs,
  toTokensPerSecond,
  withAlternative,
} from '../../../src/page/run/run.js';
import { tokenAt, toText } from '../../../src/page/run/token-blocks.js';
import { TokenReader } from '../../../src/page/run/token-reader.js';

const read = (...names: string[]) =>
  new TokenReader().read({
    tokens: names,
    token_logprobs: names.map(() => -1),
    top_logprobs: names.map((name) => ({ [name]: -1, ' else': -2 })),
  });
const play = (...events: readonly RunEvent[]): Run => events.reduce(reduceRun, IDLE_RUN);
const begin: RunEvent = { type: 'begin', prompt: 'Once', kept: [], at: 1000 };
const two: RunEvent = { type: 'tokens', tokens: read(' upon', ' a'), at: 1040 };
const third: RunEvent = { type: 'tokens', tokens: read(' time'), at: 1240 };

describe('a run', () => {
  it('waits, writes and finishes', () => {
    expect(play(begin).phase).toBe('waiting');
    expect(play(begin, two).phase).toBe('writing');
    const finished = play(begin, two, third, { type: 'finish', reason: 'length' });
    expect(finished).toMatchObject({ phase: 'finished', finishReason: 'length', prompt: 'Once' });
    expect(toText(finished.blocks)).toBe(' upon a time');
  });

  it('tells the time to the first token, and the speed from there on', () => {
    expect(toFirstTokenMs(play(begin).times)).toBeNull();
    expect(toTokensPerSecond(play(begin, two).times)).toBeNull();
    const { times } = play(begin, two, third);
    expect(toFirstTokenMs(times)).toBe(40);
    expect(toTokensPerSecond(times)).toBe(10);
  });

  it('stops only while it runs', () => {
    expect(play(begin, two, { type: 'stop' }).phase).toBe('stopped');
    expect(play(begin, { type: 'finish', reason: 'stop' }, { type: 'stop' }).phase).toBe('finished');
    expect(play({ type: 'stop' }).phase).toBe('idle');
  });

  it('keeps what had come when it fails', () => {
    const failure = ServiceFailure.from(undefined, 'broken');
    const failed = play(begin, two, { type: 'fail', failure });
    expect(failed).toMatchObject({ phase: 'failed', failure });
    expect(numTokensOf(failed)).toBe(2);
  });

  it('measures a continued run anew, and keeps its tokens', () => {
    const { blocks } = play(begin, two);
    const continued = play({ type: 'begin', prompt: 'Once', kept: blocks, at: 5000 }, { ...third, at: 5010 });
    expect(toText(continued.blocks)).toBe(' upon a time');
    expect(toFirstTokenMs(continued.times)).toBe(10);
    expect(continued.times.numTokens).toBe(1);
  });
});

describe('numTokensLeft', () => {
  const used = play(begin, two, { type: 'usage', usage: { promptTokens: 5, cachedTokens: 0 } });

  it('is what the prompt and the tokens leave of the context', () => {
    expect(numTokensLeft(used, 10)).toBe(3);
    expect(numTokensLeft(used, 6)).toBe(0);
  });

  it('is not known before the end, nor where the length of the context is not', () => {
    expect(numTokensLeft(play(begin, two), 10)).toBeUndefined();
    expect(numTokensLeft(used, undefined)).toBeUndefined();
  });
});

describe('withAlternative', () => {
  it('keeps what is before, and puts the alternative after it', () => {
    const blocks = withAlternative(play(begin, two, third), 1, ' else');
    expect(toText(blocks)).toBe(' upon else');
    const taken = tokenAt(blocks, 1);
    expect(taken).toMatchObject({ isTaken: true, logprob: -2 });
    expect(taken?.alternatives.map(({ name }) => name)).toEqual([' a', ' else']);
  });
});
