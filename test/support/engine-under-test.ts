import {
  createEngine,
  DEFAULT_SAMPLING,
  type Engine,
  type EngineOptions,
  type FinishedEvent,
  type GenerateRequest,
} from '../../src/engine/index.js';
import { fixtureCheckpoint } from './fixtures.js';

/** Makes the real engine on the small checkpoint that has GPT-2's vocabulary (context 256). */
export function createTestEngine(options: Partial<EngineOptions> = {}): Engine {
  return createEngine({
    models: [{ id: 'tiny', directory: fixtureCheckpoint('real-vocab') }],
    precision: 'f32',
    numThreads: 1,
    kvCacheBytes: 2 ** 24,
    ...options,
  });
}

/** A request with the defaults of the API; greedy unless said otherwise. */
export function requestFor(
  prompt: string | readonly number[],
  overrides: Partial<GenerateRequest> = {},
): GenerateRequest {
  const sampling = { ...DEFAULT_SAMPLING, temperature: 0, seed: 1n };
  return { model: '', prompt, maxTokens: 16, sampling, stop: [], ...overrides };
}

export interface Completed {
  readonly text: string;
  readonly tokenIds: readonly number[];
  readonly finished: FinishedEvent;
}

/** Reads a completion to its end. */
export async function complete(
  engine: Engine,
  request: GenerateRequest,
  signal = new AbortController().signal,
): Promise<Completed> {
  let text = '';
  const tokenIds: number[] = [];
  let finished: FinishedEvent | undefined;
  for await (const event of engine.generate(request, signal)) {
    if (event.type === 'delta') {
      text += event.text;
      tokenIds.push(...event.tokenIds);
    } else if (event.type === 'finished') finished = event;
  }
  if (finished === undefined) throw new Error('The stream ended without `finished`.');
  return { text, tokenIds, finished };
}
