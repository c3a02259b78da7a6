import { afterEach, describe, expect, it } from 'vitest';
import type { Engine, EngineObserver } from '../../src/engine/index.js';
import { complete, createTestEngine, requestFor } from '../support/engine-under-test.js';

let engine: Engine;
const warnings: Error[] = [];
const onWarning = (warning: Error) => warnings.push(warning);
afterEach(async () => {
  process.off('warning', onWarning);
  await engine.close();
});

function failing(name: string) {
  return () => {
    throw new Error(`${name} failed`);
  };
}

describe('An observer that throws', () => {
  it('costs no request anything, and is told of once', async () => {
    process.on('warning', onWarning);
    const observer: EngineObserver = { onStep: failing('onStep'), onTokenGap: failing('onTokenGap') };
    engine = createTestEngine({ observer });
    engine.onStateChange(failing('onStateChange'));
    const onEnd = failing('onEnd');
    const expected = await complete(engine, requestFor('Once', { onEnd }));
    expect(expected.tokenIds).toHaveLength(16);
    const all = await Promise.all([1, 2, 3].map(() => complete(engine, requestFor('Once', { onEnd }))));
    expect(all.map(({ text }) => text)).toEqual(Array(3).fill(expected.text));
    const scored = await engine.score(
      {
        ...{ model: '', logprobs: 0, onEnd },
        context: { field: 'context', input: 'Once' },
        continuations: [{ field: 'continuations[0]', input: ' upon' }],
      },
      new AbortController().signal,
    );
    expect(scored.scores).toHaveLength(1);
    expect(engine.models()[0]?.load).toMatchObject({ runningRequests: 0, waitingRequests: 0 });
    const texts = warnings.map(({ message }) => message).filter((text) => text.includes('observer'));
    expect(texts.toSorted()).toEqual(
      ['onEnd', 'onStateChange', 'onStep', 'onTokenGap'].map(
        (name) => `An observer of the engine failed: ${name} failed`,
      ),
    );
  });
});
