import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EngineCore } from '../../../src/engine/core/engine-core.js';
import type { ModelRunner } from '../../../src/engine/model/model-runner.js';
import { DEFAULT_SAMPLING } from '../../../src/engine/sampling/sampling-params.js';
import type { ScheduledBatch } from '../../../src/engine/scheduling/scheduled-batch.js';
import { fixtureCheckpoint } from '../../support/fixtures.js';
import { groupRequest } from '../../support/group-request.js';
import { loadModelUnderTest, type ModelUnderTest } from '../../support/model-under-test.js';

interface Request {
  readonly promptIds: Int32Array;
  readonly maxTokens: number;
  readonly temperature: number;
  /** Steps that pass before it arrives. */
  readonly delay: number;
}

/** What a request got: each token, and all bits of the logits that it was chosen from. */
type Trace = string[];

const CHUNK = 16;

/** Runs requests as they arrive; batches go to the given scheduler's bounds. */
async function run(model: ModelUnderTest, requests: readonly Request[]): Promise<Trace[]> {
  const traces: Trace[] = requests.map(() => []);
  const bits = new Map<number, number>();
  const { config, capacities } = model;
  const recording = new Proxy(model.runner, {
    get: (runner, key) =>
      key === 'run'
        ? (...args: [ScheduledBatch, number[]]) => recordLogits(runner, args, bits, config.vocabSize)
        : bind(runner, key),
  });
  const core = new EngineCore({
    runner: recording,
    vocabSize: config.vocabSize,
    endOfTextId: -1,
    now: () => 0,
    scheduler: {
      capacities,
      maxRunning: 16,
      maxWaiting: 100,
      maxWaitingTokens: 100_000,
      maxPrefilling: 3,
      prefillChunk: CHUNK,
      maxCachedPositions: 30 * capacities.at(-1)!,
      batchCost: 300,
    },
  });
  let step = 0;
  const waiting = [...requests.entries()];
  while (waiting.length > 0 || core.hasWork) {
    for (const [id, request] of waiting.splice(0)) {
      if (request.delay > step) waiting.push([id, request]);
      else
        core.add(
          groupRequest({
            id,
            prompts: [request.promptIds],
            maxTokens: request.maxTokens,
            sampling: { ...DEFAULT_SAMPLING, temperature: request.temperature, seed: 9n },
          }),
        );
    }
    const { outputs } = await core.step();
    for (const { groupId, tokenIds } of outputs) traces[groupId]!.push(`${tokenIds}:${bits.get(groupId)}`);
    step++;
  }
  return traces;
}

async function recordLogits(
  runner: ModelRunner,
  [batch, rows]: [ScheduledBatch, number[]],
  bits: Map<number, number>,
  width: number,
) {
  const output = await runner.run(batch, rows);
  const words = new Uint32Array(output.logits.buffer, output.logits.byteOffset, output.logits.length);
  for (const [index, row] of rows.entries()) {
    const sequence = batch.sequences[Math.floor(row / batch.numNewTokens)]!;
    bits.set(
      sequence.groupId,
      words
        .subarray(index * width, (index + 1) * width)
        .reduce((hash, word) => (Math.imul(hash, 31) + word) | 0, 7),
    );
  }
  return output;
}

function bind(runner: ModelRunner, key: string | symbol) {
  const value: unknown = Reflect.get(runner, key);
  return typeof value === 'function' ? value.bind(runner) : value;
}

const precisions = [
  ['f32', undefined],
  ['q8', { bits: 8, blockSize: 128 }],
  ['q4', { bits: 4, blockSize: 128 }],
] as const;

describe.each(precisions)('a sequence at %s', (_, scheme) => {
  const cacheDirectory = mkdtempSync(join(tmpdir(), 'linnet-'));
  afterAll(() => rmSync(cacheDirectory, { recursive: true }));

  describe.each(['wide', 'long'])('of checkpoint "%s"', (name) => {
    let model: ModelUnderTest;
    beforeAll(async () => {
      model = await loadModelUnderTest(fixtureCheckpoint(name), scheme && { scheme, cacheDirectory });
    });
    afterAll(() => model.runner.release());

    const request = fc.record({
      // Few prompts, so that beginnings are shared and come from the prefix cache.
      prompt: fc.record({ family: fc.nat(2), length: fc.integer({ min: 1, max: 100 }) }),
      maxTokens: fc.integer({ min: 1, max: 30 }),
      temperature: fc.constantFrom(0, 1),
      delay: fc.nat(20),
    });

    it('has the same bits alone and among others, cold and from the prefix cache, whatever the order', async () => {
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
            const [alone] = await run(model, [{ ...one, delay: 0 }]);
            expect(together[id]).toEqual(alone);
          }
        }),
        { numRuns: 12, endOnFailure: true },
      );
    });
  });
});
