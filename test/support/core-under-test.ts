import { EngineCore } from '../../src/engine/core/engine-core.js';
import type { SequenceOutput } from '../../src/engine/core/step-output.js';
import { MAX_BATCHES } from '../../src/engine/model/batch-inputs.js';
import type { ModelRunner, RunOutput } from '../../src/engine/model/model-runner.js';
import type { ScheduledStep } from '../../src/engine/scheduling/scheduled-step.js';
import type { SchedulerOptions } from '../../src/engine/scheduling/scheduler.js';
import type { ModelUnderTest } from './model-under-test.js';

/** Of the first chunks: short, so that small prompts have several. */
export const CHUNK = 16;

export interface CoreUnderTestOptions extends Partial<SchedulerOptions> {
  /** Sees each step, and what it gave, before the core does. */
  readonly onRun?: (step: ScheduledStep, logitRows: readonly number[], output: RunOutput) => void;
}

/** Makes the engine's core on a model in this thread. */
export function createTestCore(
  { runner, config, capacities }: ModelUnderTest,
  { onRun, ...overrides }: CoreUnderTestOptions = {},
): EngineCore {
  return new EngineCore({
    runner: onRun === undefined ? runner : watched(runner, onRun),
    vocabSize: config.vocabSize,
    endOfTextId: -1,
    now: () => 0,
    scheduler: {
      capacities,
      maxRunning: 16,
      maxPrefilling: 3,
      chunkSizes: { short: CHUNK, long: 2 * CHUNK },
      maxCachedPositions: 30 * capacities.at(-1)!,
      maxBatches: MAX_BATCHES,
      stepCost: 300,
      batchCost: 60,
      ...overrides,
    },
  });
}

/** Steps until nothing is left to do; gives all that came. */
export async function finishAll(core: EngineCore): Promise<SequenceOutput[]> {
  const outputs: SequenceOutput[] = [];
  while (core.hasWork) outputs.push(...(await core.step()).outputs);
  return outputs;
}

/** The tokens of each sequence of a request, by index. */
export function tokensOf(outputs: readonly SequenceOutput[], groupId = 1): number[][] {
  const tokens: number[][] = [];
  for (const output of outputs) {
    if (output.groupId !== groupId) continue;
    tokens[output.index] ??= [];
    tokens[output.index]!.push(...output.tokenIds);
  }
  return tokens;
}

function watched(runner: ModelRunner, onRun: NonNullable<CoreUnderTestOptions['onRun']>): ModelRunner {
  return new Proxy(runner, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (key !== 'run') return typeof value === 'function' ? value.bind(target) : value;
      return async (step: ScheduledStep, logitRows: readonly number[]) => {
        const output = await target.run(step, logitRows);
        onRun(step, logitRows, output);
        return output;
      };
    },
  });
}
