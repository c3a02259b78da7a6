import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { printCompletion } from '../../../src/cli/terminal/completion-printer.js';
import { type Delta, FinishReason } from '../../../src/contract/gen/linnet/v1/completion.js';
import type { CompletionEvent } from '../../../src/gateway/upstream/completion-client.js';

function createStream(isTTY: boolean) {
  let text = '';
  const stream = new Writable({
    // Full after each write, so that every one waits for the reader.
    highWaterMark: 1,
    write(chunk, _encoding, done) {
      text += chunk;
      setImmediate(done);
    },
  });
  return Object.assign(stream, { isTTY, read: () => text });
}

function deltaOf(text: string): Delta {
  return { text, tokenIds: [1], tokenBytes: Buffer.from(text), index: 0, logprobs: [], echoedTokens: 0 };
}

async function* completion(...texts: string[]): AsyncGenerator<CompletionEvent> {
  const prompt = { promptTokens: 3, cachedTokens: 0, prompts: [] };
  const accepted = { requestId: 'r', model: 'fable', seed: 7n, systemFingerprint: 'fp_test', ...prompt };
  yield { $case: 'accepted', value: accepted };
  for (const text of texts) {
    yield { $case: 'delta', value: deltaOf(text) };
  }
  const counts = { promptTokens: 3, completionTokens: texts.length };
  const usage = { ...counts, cachedTokens: 0, acceptedPredictionTokens: 0 };
  const timings = { queueMs: 1, prefillMs: 9, decodeMs: 20 };
  const end = { index: 0, finishReason: FinishReason.LENGTH, stop: undefined };
  yield { $case: 'finished', value: { ...end, usage, timings } };
}

async function print(isTTY: boolean, ...texts: string[]) {
  const streams = { stdout: createStream(isTTY), stderr: createStream(isTTY) };
  await printCompletion(completion(...texts), streams, {
    controller: new AbortController(),
    isColored: false,
  });
  return { stdout: streams.stdout.read(), stderr: streams.stderr.read() };
}

describe('completion printer', () => {
  it('writes the bare text where the output is no terminal', async () => {
    expect(await print(false, ' there', ' was', '\n')).toEqual({ stdout: ' there was\n', stderr: '' });
  });

  it('ends the line on a terminal, and adds a note', async () => {
    expect(await print(true, ' there', ' was', ' a')).toEqual({
      stdout: ' there was a\n',
      stderr: '\n3 tokens · 100.0 tokens/s · first after 10 ms · seed 7\n',
    });
  });

  it('leaves a line alone that has ended', async () => {
    expect((await print(true, 'The end.', '\n')).stdout).toBe('The end.\n');
  });

  it('ends the generation, without an error, when the reader goes away', async () => {
    const stdout = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    const controller = new AbortController();
    let ended = false;
    async function* endless(): AsyncGenerator<CompletionEvent> {
      try {
        for (;;) {
          yield { $case: 'delta', value: deltaOf('a') };
          await new Promise(setImmediate);
          controller.signal.throwIfAborted();
        }
      } finally {
        ended = true;
      }
    }
    await printCompletion(
      endless(),
      { stdout, stderr: createStream(false) },
      { controller, isColored: false },
    );
    expect(ended).toBe(true);
  });
});
