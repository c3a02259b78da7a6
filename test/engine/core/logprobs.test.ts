import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RowLogprob } from '../../../src/engine/sampling/row-logprob.js';
import { DEFAULT_SAMPLING } from '../../../src/engine/sampling/sampling-params.js';
import { createTestCore, finishAll } from '../../support/core-under-test.js';
import { fixtureCheckpoint, fixtureNames, readReference } from '../../support/fixtures.js';
import { groupRequest } from '../../support/group-request.js';
import { loadModelUnderTest, type ModelUnderTest } from '../../support/model-under-test.js';

// The reference is Hugging Face transformers on PyTorch in f32: test/fixtures/make_checkpoints.py.
const TOLERANCE = 1e-3;

/** The logarithms of the probabilities of all tokens, in double precision. */
function logSoftmax(logits: Float32Array): number[] {
  const maximum = Math.max(...logits);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - maximum), 0);
  return Array.from(logits, (logit) => logit - maximum - Math.log(sum));
}

describe.each(fixtureNames())('the logprobs of checkpoint "%s"', (name) => {
  const reference = readReference(name);
  let model: ModelUnderTest;
  beforeAll(async () => {
    model = await loadModelUnderTest(fixtureCheckpoint(name));
  });
  afterAll(() => model.runner.release());

  async function promptLogprobs(ids: Int32Array, promptFrom: number): Promise<RowLogprob[]> {
    const core = createTestCore(model);
    core.add(groupRequest({ prompts: [ids], maxTokens: 0, logprobs: { numTop: 5, promptFrom } }));
    return (await finishAll(core)).flatMap((output) => output.promptLogprobs ?? []);
  }

  it('of a prompt are those of transformers, ranks and most probable tokens included', async () => {
    const { inputIds, logits, logitPositions } = reference;
    const { vocabSize } = model.config;
    const told = await promptLogprobs(inputIds, 0);
    expect(told).toHaveLength(inputIds.length - 1);
    for (const [row, position] of logitPositions.entries()) {
      if (position + 1 === inputIds.length) continue;
      const expected = logSoftmax(logits.subarray(row * vocabSize, (row + 1) * vocabSize));
      const { logprob, rank, top } = told[position]!;
      const own = expected[inputIds[position + 1]!]!;
      expect(Math.abs(logprob - own)).toBeLessThan(TOLERANCE);
      expect(rank).toBeGreaterThanOrEqual(expected.filter((other) => other > own + TOLERANCE).length + 1);
      expect(rank).toBeLessThanOrEqual(expected.filter((other) => other >= own - TOLERANCE).length);
      const best = expected.toSorted((a, b) => b - a).slice(0, 5);
      for (const [i, one] of top.entries()) {
        expect(Math.abs(one.logprob - best[i]!)).toBeLessThan(TOLERANCE);
        expect(Math.abs(one.logprob - expected[one.tokenId]!)).toBeLessThan(TOLERANCE);
      }
    }
  });

  it('of a prompt sum up to the log-likelihood of transformers', async () => {
    const { inputIds, perplexity } = reference;
    const told = await promptLogprobs(inputIds, 0);
    const mean = told.reduce((sum, { logprob }) => sum + logprob, 0) / told.length;
    expect(Math.abs(mean + Math.log(perplexity))).toBeLessThan(TOLERANCE);
  });

  it('of a prompt are the same, bit for bit, from whichever position they are asked for', async () => {
    const all = await promptLogprobs(reference.inputIds, 0);
    for (const from of [1, 2, 16, 17, 33, 59]) {
      expect(await promptLogprobs(reference.inputIds, from)).toEqual(all.slice(Math.max(from, 1) - 1));
    }
  });

  it('of generated tokens are those of the same tokens in a prompt, whatever changed the choice', async () => {
    const { greedyPromptIds } = reference;
    const core = createTestCore(model);
    const sampling = {
      ...DEFAULT_SAMPLING,
      temperature: 0.7,
      logitBias: new Map([[3, 5]]),
      repetitionPenalty: 1.2,
      minTokens: 20,
      stopTokenIds: [7],
    };
    const logprobs = { numTop: 2, promptFrom: undefined };
    core.add(groupRequest({ prompts: [greedyPromptIds], maxTokens: 20, sampling, logprobs }));
    const outputs = await finishAll(core);
    const generated = outputs.flatMap((output) => output.logprobs ?? []);
    const ids = outputs.flatMap(({ tokenIds }) => tokenIds);
    expect(ids).toHaveLength(20);
    const again = await promptLogprobs(Int32Array.of(...greedyPromptIds, ...ids), greedyPromptIds.length);
    for (const [i, { logprob, top }] of generated.entries()) {
      expect(Math.abs(logprob - again[i]!.logprob)).toBeLessThan(TOLERANCE);
      expect(top).toHaveLength(2);
    }
  });
});
