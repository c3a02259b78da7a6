import type { GenerateEvent, GenerateRequest } from '../completion.js';
import { EngineError } from '../engine-error.js';
import type { ScoreRequest, ScoreResult } from '../score.js';
import type { PromptEncoder } from '../text/prompt-encoder.js';
import type { TokenBytes } from '../text/token-bytes.js';
import { checkSamplingTokens } from '../text/vocabulary-check.js';
import { toChoiceOptions, toGroup } from './generation.js';
import { RequestPrompt } from './request-prompt.js';
import type { RequestRecord } from './request-record.js';
import { RequestStream } from './request-stream.js';
import type { ModelLease } from './residence.js';
import { ScoreCollector } from './score-collector.js';
import { encodeScoring, toScore, toScoringGroup } from './scoring.js';
import type { TimeLimit } from './time-limit.js';

/** A model in use by a request. */
export interface ModelUse extends ModelLease {
  /** The request's number. */
  readonly id: number;
  /** The model's id. */
  readonly model: string;
  readonly tokenBytes: TokenBytes;
  readonly encoder: PromptEncoder;
}

/** What ends a request at its time, and what writes down how far it came. */
export interface RequestCourse {
  readonly limit: TimeLimit;
  readonly record: RequestRecord;
}

/**
 * Generates with a model, and writes down what becomes of it.
 *
 * @throws EngineError in place of an event, as `Engine.generate` does.
 */
export async function* generateWith(
  { id, model, worker, shape, tokenBytes, encoder }: ModelUse,
  request: GenerateRequest,
  { limit, record }: RequestCourse,
): AsyncGenerator<GenerateEvent> {
  worker.refuseIfFull(request.tenant);
  checkSamplingTokens(request.sampling, shape.vocabSize);
  const prompts = await encoder.encodeAll(request.prompts, { before: 0, after: request.maxTokens });
  checkPace({ worker, model }, request, limit);
  const stream = new RequestStream({
    model,
    systemFingerprint: shape.fingerprint,
    prompts: prompts.map((ids, i) => {
      const { input } = request.prompts[i]!;
      return new RequestPrompt(ids, typeof input === 'string' ? input : undefined, tokenBytes);
    }),
    n: request.n,
    bestOf: request.bestOf,
    choice: toChoiceOptions(request, tokenBytes),
    onStop: (index) => worker.stop({ groupId: id, index }),
  });
  const group = toGroup(id, request, prompts);
  const end = worker.run(group, record.listen(group, stream), limit.signal);
  try {
    yield* stream.events();
  } finally {
    end();
  }
}

/**
 * Scores with a model, and writes down what becomes of it.
 *
 * @throws EngineError as `Engine.score` does.
 */
export async function scoreWith(
  { id, model, worker, shape, tokenBytes, encoder }: ModelUse,
  request: ScoreRequest,
  { limit, record }: RequestCourse,
): Promise<ScoreResult> {
  worker.refuseIfFull(request.tenant);
  const scoring = await encodeScoring(request, encoder);
  checkPace({ worker, model }, request, limit);
  const { context, continuations } = scoring;
  const numTop = request.logprobs;
  const collector = new ScoreCollector(continuations.length);
  const group = toScoringGroup(id, scoring, request);
  const end = worker.run(group, record.listen(group, collector), limit.signal);
  try {
    const { rows, cachedTokens } = await collector.collected;
    const scores = continuations.map((ids, i) => toScore(ids, rows[i]!, { tokenBytes, numTop }));
    const promptTokens = continuations.reduce((sum, { length }) => sum + length, context.length);
    const usage = { promptTokens, completionTokens: 0, cachedTokens, acceptedPredictionTokens: 0 };
    return { model, systemFingerprint: shape.fingerprint, scores, usage };
  } finally {
    end();
  }
}

/** Refuses a request for which the worker would be too late, as far as is known. */
function checkPace(
  { worker, model }: Pick<ModelUse, 'worker' | 'model'>,
  { tenant }: Pick<GenerateRequest, 'tenant'>,
  limit: TimeLimit,
): void {
  if (!worker.isStuck) {
    limit.refuseUnless(worker.leastWaitMs(tenant));
    return;
  }
  throw new EngineError(
    'ENGINE_UNAVAILABLE',
    `The model "${model}" makes no progress at present. Try again later.`,
    { metadata: { model }, retryAfterMs: 5000 },
  );
}
