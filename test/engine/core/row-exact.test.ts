import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_SAMPLING, type SamplingParams } from '../../../src/engine/sampling/sampling-params.js';
import type { GroupRequest } from '../../../src/engine/scheduling/group-request.js';
import type { Sequence } from '../../../src/engine/scheduling/sequence.js';
import { MATRIX_FORMATS } from '../../../src/engine/weights/matrix-formats.js';
import { type CoreUnderTestOptions, createTestCore } from '../../support/core-under-test.js';
import { fixtureCheckpoint } from '../../support/fixtures.js';
import { groupRequest } from '../../support/group-request.js';
import { loadModelUnderTest, type ModelUnderTest } from '../../support/model-under-test.js';

interface Request extends Pick<GroupRequest, 'maxTokens' | 'numCandidates' | 'logprobs'> {
  readonly promptIds: Int32Array;
  readonly sampling: Partial<SamplingParams>;
  /** Steps that pass before it arrives. */
  readonly delay: number;
}

/** What each candidate of a request got: tokens, all bits of the logits that they were chosen from, and logprobs. */
type Trace = string[][];

/** Runs requests as they arrive. */
async function run(
  model: ModelUnderTest,
  requests: readonly Request[],
  options: CoreUnderTestOptions = {},
): Promise<Trace[]> {
  const traces = requests.map(({ numCandidates }): Trace => Array.from({ length: numCandidates }, () => []));
  const { vocabSize } = model.config;
  const bits = new Map<string, number>();
  const core = createTestCore(model, {
    ...options,
    onRun: ({ batches }, rows, { logits }) => {
      const ofRows = batches.flatMap(({ sequences, numNewTokens }) =>
        sequences.flatMap((sequence) => Array<Sequence>(numNewTokens).fill(sequence)),
      );
      for (const [index, row] of rows.entries()) {
        const sequence = ofRows[row]!;
        const bytes = logits.subarray(index * vocabSize, (index + 1) * vocabSize);
        bits.set(`${sequence.groupId}:${sequence.candidate}`, hashOf(bytes));
      }
    },
  });
  let step = 0;
  const waiting = [...requests.entries()];
  while (waiting.length > 0 || core.hasWork) {
    for (const [id, { promptIds, delay, ...request }] of waiting.splice(0)) {
      if (delay > step) waiting.push([id, requests[id]!]);
      else {
        const sampling = { ...DEFAULT_SAMPLING, ...request.sampling, seed: 9n };
        core.add(groupRequest({ ...request, id, prompts: [promptIds], sampling }));
      }
    }
    bits.clear();
    const { outputs } = await core.step();
    let hash: number | undefined;
    for (const { groupId, index, ...output } of outputs) {
      // A sibling that is forked chooses from the same row as the one before it.
      hash = bits.get(`${groupId}:${index}`) ?? hash;
      const hasRead = output.tokenIds.length > 0 || output.promptLogprobs !== undefined;
      traces[groupId]![index]!.push(`${hasRead ? hash : ''}:${JSON.stringify(output)}`);
    }
    step++;
  }
  return traces;
}

function hashOf(logits: Float32Array): number {
  const words = new Uint32Array(logits.buffer, logits.byteOffset, logits.length);
  return words.reduce((hash, word) => (Math.imul(hash, 31) + word) | 0, 7);
}

describe.each(Object.entries(MATRIX_FORMATS))('a sequence at %s', (_, format) => {
  const cacheDirectory = mkdtempSync(join(tmpdir(), 'linnet-'));
  afterAll(() => rmSync(cacheDirectory, { recursive: true }));

  describe.each(['wide', 'long'])('of checkpoint "%s"', (name) => {
    let model: ModelUnderTest;
    beforeAll(async () => {
      model = await loadModelUnderTest(fixtureCheckpoint(name), format, cacheDirectory);
    });
    afterAll(() => model.runner.release());

    const request = fc.record({
      // Few prompts, so that beginnings are shared and come from the prefix cache.
      prompt: fc.record({ family: fc.nat(2), length: fc.integer({ min: 1, max: 100 }) }),
      maxTokens: fc.integer({ min: 0, max: 30 }),
      numCandidates: fc.constantFrom(1, 1, 1, 2, 5),
      logprobs: fc.option(
        fc.record({
          numTop: fc.nat(5),
          promptFrom: fc.option(fc.nat(100), { nil: undefined }),
        }),
        { nil: undefined },
      ),
      sampling: fc.constantFrom<Partial<SamplingParams>>(
        { temperature: 0 },
        {},
        { frequencyPenalty: 0.5, repetitionPenalty: 1.5, logitBias: new Map([[7, 4]]), minTokens: 3 },
      ),
      delay: fc.nat(20),
    });

    it('has the same bits alone and among others, cold, from the prefix cache and forked, whatever the order', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(request, { minLength: 2, maxLength: 16 }), async (drawn) => {
          const requests = drawn.map(
            ({ prompt: { family, length }, ...rest }): Request => ({
              ...rest,
              promptIds: Int32Array.from(
                { length },
                (_, i) => (family * 7919 + i * 31) % model.config.vocabSize,
              ),
            }),
          );
          const together = await run(model, requests);
          for (const [id, one] of requests.entries()) {
            // Without room for siblings each candidate comes to its prompt by itself.
            const [alone] = await run(model, [{ ...one, delay: 0 }], { maxRunning: 1 });
            expect(together[id]).toEqual(alone);
          }
        }),
        { numRuns: 12, endOnFailure: true },
      );
    });
  });
});
