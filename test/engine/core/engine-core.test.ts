import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_SAMPLING } from '../../../src/engine/sampling/sampling-params.js';
import type { GroupRequest } from '../../../src/engine/scheduling/group-request.js';
import type { ScheduledStep } from '../../../src/engine/scheduling/scheduled-step.js';
import { CHUNK, createTestCore, finishAll, tokensOf } from '../../support/core-under-test.js';
import { fixtureCheckpoint } from '../../support/fixtures.js';
import { groupRequest } from '../../support/group-request.js';
import { loadModelUnderTest, type ModelUnderTest } from '../../support/model-under-test.js';

const PROMPT = Int32Array.from({ length: 40 }, (_, i) => (i * 37 + 11) % 251);

let model: ModelUnderTest;
beforeAll(async () => {
  model = await loadModelUnderTest(fixtureCheckpoint('wide'));
});
afterAll(() => model.runner.release());

/** Eight candidates, drawn, after a prompt that ends within a chunk. */
function drawn(overrides: Partial<GroupRequest> = {}): GroupRequest {
  const sampling = { ...DEFAULT_SAMPLING, seed: 5n };
  return groupRequest({ prompts: [PROMPT], numCandidates: 8, maxTokens: 12, sampling, ...overrides });
}

/** Counts the prompts' tokens that are computed. */
function countingPrompts() {
  const counted = { numTokens: 0 };
  const onRun = ({ batches }: ScheduledStep) => {
    for (const { sequences, numNewTokens } of batches) {
      for (const { numComputedTokens, numPromptTokens } of sequences) {
        counted.numTokens += Math.max(0, Math.min(numNewTokens, numPromptTokens - numComputedTokens));
      }
    }
  };
  return { counted, onRun };
}

describe('candidates of a prompt', () => {
  it('are different, and each the same however many there are', async () => {
    const all = async (numCandidates: number) => {
      const core = createTestCore(model);
      core.add(drawn({ numCandidates }));
      return tokensOf(await finishAll(core));
    };
    const eight = await all(8);
    expect(new Set(eight.map(String)).size).toBe(8);
    expect(await all(1)).toEqual(eight.slice(0, 1));
    expect(await all(3)).toEqual(eight.slice(0, 3));
  });

  it('are the same for each prompt as if that came alone', async () => {
    const prompts = [PROMPT, PROMPT.slice(3), PROMPT];
    const together = createTestCore(model);
    together.add(drawn({ prompts, numCandidates: 2 }));
    const tokens = tokensOf(await finishAll(together));
    for (const [i, prompt] of prompts.entries()) {
      const alone = createTestCore(model);
      alone.add(drawn({ prompts: [prompt], numCandidates: 2 }));
      expect(tokensOf(await finishAll(alone))).toEqual(tokens.slice(2 * i, 2 * i + 2));
    }
  });

  it('are the same after a rest', async () => {
    const core = createTestCore(model);
    const once = async () => {
      core.add(drawn());
      core.rest(); // not now
      const tokens = tokensOf(await finishAll(core));
      core.rest();
      return tokens;
    };
    const first = await once();
    expect(first).toHaveLength(8);
    expect(await once()).toEqual(first);
  });

  it('compute their prompt once where there is room for all', async () => {
    const { counted, onRun } = countingPrompts();
    const core = createTestCore(model, { onRun });
    core.add(drawn({ numCandidates: 16 }));
    await finishAll(core);
    expect(counted.numTokens).toBe(PROMPT.length);
  });

  it.each([
    ['places are short', { maxRunning: 4 }, 1],
    ['memory is short', { maxCachedPositions: 4 * 64 }, 2],
  ])(
    'compute only what is no whole chunk of it where they come later, because %s',
    async (_, limits, numLater) => {
      const { counted, onRun } = countingPrompts();
      const core = createTestCore(model, { onRun, ...limits });
      core.add(drawn());
      await finishAll(core);
      expect(counted.numTokens).toBe(PROMPT.length + numLater * (PROMPT.length % CHUNK));
    },
  );

  it('are all made, 128 of them, in a KV cache that holds few', async () => {
    const maxCachedPositions = 2 * model.capacities.at(-1)!;
    const core = createTestCore(model, { maxRunning: 64, maxCachedPositions });
    core.add(drawn({ numCandidates: 128, maxTokens: 30 }));
    let most = 0;
    const outputs = [];
    while (core.hasWork) {
      outputs.push(...(await core.step()).outputs);
      most = Math.max(most, core.load.numReservedPositions);
    }
    expect(tokensOf(outputs).map(({ length }) => length)).toEqual(Array(128).fill(30));
    expect(most).toBeLessThanOrEqual(maxCachedPositions);
    expect(most).toBeGreaterThan(maxCachedPositions / 2);
  });

  it('end one by one', async () => {
    const core = createTestCore(model);
    core.add(drawn({ numCandidates: 3 }));
    const stop = (index: number) => core.stop({ groupId: 1, index });
    stop(0); // waits
    await core.step();
    stop(1); // waits for its sibling
    const outputs = [];
    while (outputs.length === 0) outputs.push(...(await core.step()).outputs);
    stop(2);
    stop(7);
    outputs.push(...(await finishAll(core)));
    expect(tokensOf(outputs).map(({ length }) => length)).toEqual([12, 12, 1]);
  });
});

describe('a request', () => {
  const NOTHING = { numRunning: 0, numWaiting: 0, numReservedPositions: 0 };

  it('counts as one, however many sequences it has', async () => {
    const core = createTestCore(model, { maxRunning: 4 });
    core.add(drawn({ id: 1, prompts: [PROMPT, PROMPT] }));
    core.add(drawn({ id: 2 }));
    expect(core.load).toMatchObject({ numRunning: 0, numWaiting: 2 });
    await core.step();
    expect(core.load).toMatchObject({ numRunning: 1, numWaiting: 1 });
    await finishAll(core);
  });

  it.each([0, 1, 2, 3, 5, 20])('is gone one step after it is aborted, after %d steps', async (numSteps) => {
    const core = createTestCore(model, { maxRunning: 5 });
    core.add(drawn({ prompts: [PROMPT, PROMPT, PROMPT], maxTokens: 60 }));
    for (let i = 0; i < numSteps; i++) await core.step();
    expect(core.hasWork).toBe(true);
    core.abort(1);
    const { outputs } = await core.step();
    expect(outputs).toEqual([]);
    expect(core.load).toEqual(NOTHING);
    expect(core.hasWork).toBe(false);
  });

  it('may be aborted during the step that ends it, and the core goes on', async () => {
    const core = createTestCore(model, { onRun: () => core.abort(1) });
    core.add(drawn({ prompts: [PROMPT.slice(0, 10)], numCandidates: 2, maxTokens: 1 }));
    expect(tokensOf(await finishAll(core)).map(({ length }) => length)).toEqual([1, 1]);
    core.add(drawn({ id: 2, numCandidates: 2, maxTokens: 3 }));
    expect(tokensOf(await finishAll(core), 2).map(({ length }) => length)).toEqual([3, 3]);
  });

  it('goes on beside one that is aborted, with the same tokens', async () => {
    const alone = createTestCore(model);
    alone.add(drawn({ id: 2 }));
    const expected = tokensOf(await finishAll(alone), 2);
    const core = createTestCore(model);
    core.add(drawn({ id: 1, maxTokens: 60 }));
    core.add(drawn({ id: 2 }));
    const outputs = [];
    for (let i = 0; i < 8; i++) outputs.push(...(await core.step()).outputs);
    core.abort(1);
    outputs.push(...(await finishAll(core)));
    expect(tokensOf(outputs, 2)).toEqual(expected);
  });

  it('lets those that come after it have their turn between its sequences', async () => {
    const core = createTestCore(model, { maxRunning: 2 });
    core.add(drawn({ id: 1, prompts: Array(10).fill(PROMPT), numCandidates: 4 }));
    await core.step();
    core.add(groupRequest({ id: 2, prompts: [PROMPT.slice(1)] }));
    const outputs = await finishAll(core);
    const lastOf = (groupId: number) => outputs.findLastIndex((output) => output.groupId === groupId);
    expect(lastOf(2)).toBeLessThan(lastOf(1) / 4);
  });

  it('that generates nothing ends with its prompt, which is cached from then on', async () => {
    const { counted, onRun } = countingPrompts();
    const core = createTestCore(model, { onRun });
    for (const id of [1, 2]) {
      core.add(groupRequest({ id, prompts: [PROMPT], maxTokens: 0, numCandidates: 3 }));
      const outputs = await finishAll(core);
      const expected = { groupId: id, tokenIds: [], finishReason: 'length' };
      expect(outputs).toMatchObject([0, 1, 2].map((index) => ({ ...expected, index })));
    }
    expect(counted.numTokens).toBe(PROMPT.length + (PROMPT.length % CHUNK));
  });
});

describe('prompts that begin alike', () => {
  it('have their whole chunks computed once, also where they come at the same time', async () => {
    const { counted, onRun } = countingPrompts();
    const core = createTestCore(model, { onRun });
    const numPrompts = 6;
    const prompts = Array.from({ length: numPrompts }, (_, i) => Int32Array.of(...PROMPT, i, i));
    core.add(groupRequest({ prompts, maxTokens: 0, logprobs: { numTop: 1, promptFrom: PROMPT.length } }));
    const outputs = await finishAll(core);
    const ownTokens = (PROMPT.length % CHUNK) + 2;
    expect(counted.numTokens).toBe(PROMPT.length - (PROMPT.length % CHUNK) + numPrompts * ownTokens);
    expect(outputs.map(({ promptLogprobs }) => promptLogprobs?.length)).toEqual(Array(numPrompts).fill(2));
  });

  it('are computed all the same where the first is aborted, or nothing may be cached', async () => {
    const request = (id: number) => groupRequest({ id, prompts: [PROMPT], maxTokens: 3 });
    const core = createTestCore(model, { maxCachedPositions: model.capacities.at(-1)! });
    for (const id of [1, 2, 3]) core.add(request(id));
    await core.step();
    core.abort(1);
    const outputs = await finishAll(core);
    expect(tokensOf(outputs, 2)[0]).toHaveLength(3);
    expect(tokensOf(outputs, 3)).toEqual(tokensOf(outputs, 2));
  });
});
