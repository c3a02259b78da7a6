import {
  createEngine,
  DEFAULT_SAMPLING,
  type Engine,
  type EngineOptions,
  type FinishedEvent,
  type GenerateRequest,
  type Prompt,
  type TokenLogprob,
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

/** A request with the defaults of the API; greedy unless said otherwise. Its `bestOf` is its `n`, unless that is said. */
export function requestFor(
  prompt: string | readonly number[],
  overrides: Partial<GenerateRequest> = {},
): GenerateRequest {
  const { n = 1 } = overrides;
  return {
    model: '',
    prompts: [promptOf(prompt)],
    n,
    bestOf: n,
    maxTokens: 16,
    sampling: { ...DEFAULT_SAMPLING, temperature: 0, seed: 1n },
    stop: [],
    includeStop: false,
    echo: false,
    logprobs: undefined,
    ...overrides,
  };
}

/** A prompt in the field that it comes in over the wire. */
export function promptOf(input: string | readonly number[]): Prompt {
  return { field: typeof input === 'string' ? 'prompt' : 'prompt_token_ids', input };
}

export interface Completed {
  readonly text: string;
  readonly tokenIds: readonly number[];
  readonly logprobs: readonly TokenLogprob[];
  readonly echoedTokens: number;
  readonly finished: FinishedEvent;
}

/** Reads a completion of one choice to its end. */
export async function complete(
  engine: Engine,
  request: GenerateRequest,
  signal = new AbortController().signal,
): Promise<Completed> {
  const [completed, ...others] = await completeAll(engine, request, signal);
  if (completed === undefined || others.length > 0) throw new Error('There is not one choice.');
  return completed;
}

/** Reads all choices of a request to their ends, in the order of their indexes. */
export async function completeAll(
  engine: Engine,
  request: GenerateRequest,
  signal = new AbortController().signal,
): Promise<Completed[]> {
  const choices = Array.from({ length: request.prompts.length * request.n }, () => ({
    text: '',
    tokenIds: [] as number[],
    logprobs: [] as TokenLogprob[],
    echoedTokens: 0,
    finished: undefined as FinishedEvent | undefined,
  }));
  for await (const event of engine.generate(request, signal)) {
    if (event.type === 'accepted') continue;
    const choice = choices[event.index]!;
    if (choice.finished !== undefined) throw new Error('An event came after `finished`.');
    if (event.type === 'delta') {
      choice.text += event.text;
      choice.tokenIds.push(...event.tokenIds);
      choice.logprobs.push(...event.logprobs);
      choice.echoedTokens += event.echoedTokens;
    } else choice.finished = event;
  }
  return choices.map(({ finished, ...rest }) => {
    if (finished === undefined) throw new Error('A choice ended without `finished`.');
    return { ...rest, finished };
  });
}
