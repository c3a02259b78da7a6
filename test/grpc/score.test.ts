import { randomUUID } from 'node:crypto';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type {
  CancelResponse,
  ScoreRequest,
  ScoreResponse,
} from '../../src/contract/gen/linnet/v1/completion.js';
import { decodeRichStatus } from '../../src/contract/rich-status.js';
import { EngineError, type ScoreResult } from '../../src/engine/index.js';
import { defer } from '../support/defer.js';
import { type GrpcHarness, startGrpcHarness, unary, wirePrompt } from '../support/grpc-harness.js';

let harness: GrpcHarness;
beforeEach(async () => {
  harness = await startGrpcHarness();
});
afterEach(() => harness.close());

function wireScore(fields: Partial<ScoreRequest> = {}): ScoreRequest {
  return { model: '', context: wirePrompt('Once'), continuations: [wirePrompt(' upon')], ...fields };
}

function score(fields: Partial<ScoreRequest> = {}, metadata = new Metadata()): Promise<ScoreResponse> {
  return unary((done) => harness.client.score(wireScore(fields), metadata, done));
}

async function refusal(fields: Partial<ScoreRequest>) {
  const error = await score(fields).catch((caught: ServiceError) => caught);
  return { code: (error as ServiceError).code, ...decodeRichStatus(error as ServiceError) };
}

/** Two tokens, the second of them not the most probable. */
function scored(): ScoreResult {
  const token = (logprob: number, rank: number, textOffset: number) => ({
    logprob,
    rank,
    tokenBytes: Buffer.from(' a'),
    textOffset,
    top: [{ tokenId: 0, tokenBytes: Buffer.from('!'), logprob: -0.25 }],
  });
  const usage = { promptTokens: 3, completionTokens: 0, cachedTokens: 1, acceptedPredictionTokens: 0 };
  return {
    model: 'test-model',
    systemFingerprint: 'fp_test',
    scores: [{ tokenIds: [257, 257], logprobs: [token(-0.25, 1, 0), token(-1.75, 2, 2)], isGreedy: false }],
    usage,
  };
}

describe('Score', () => {
  it('gives the engine what was said, and answers with what it tells', async () => {
    harness.engine.scored = async () => scored();
    const metadata = new Metadata();
    metadata.set('x-request-id', 'r-1');
    const continuations = [wirePrompt(' upon'), wirePrompt([0, 7])];
    const response = await score({ model: 'm', continuations, logprobs: 1 }, metadata);
    expect(harness.engine.calls).toEqual([
      [
        {
          model: 'm',
          context: { field: 'context.text', input: 'Once' },
          continuations: [
            { field: 'continuations[0].text', input: ' upon' },
            { field: 'continuations[1].token_ids', input: [0, 7] },
          ],
          logprobs: 1,
        },
      ],
    ]);
    const { scores, ...rest } = scored();
    const [{ tokenIds, isGreedy, logprobs }] = scores as [ScoreResult['scores'][number]];
    expect(response).toEqual({
      ...rest,
      requestId: 'r-1',
      scores: [{ tokenIds, isGreedy, logprobs, logprob: -2, perplexity: Math.E }],
    });
  });

  it('continues a new document where there is no context, and tells no other tokens', async () => {
    harness.engine.scored = async () => scored();
    await score({ context: undefined });
    expect(harness.engine.calls[0]).toMatchObject([
      { context: { field: 'context', input: [50_256] }, logprobs: 0 },
    ]);
  });

  it.each<[string, Partial<ScoreRequest>]>([
    ['model', { model: 'x'.repeat(257) }],
    ['context', { context: { input: undefined } }],
    ['context.text', { context: wirePrompt('') }],
    ['context.token_ids', { context: wirePrompt([]) }],
    ['continuations', { continuations: [] }],
    ['continuations', { continuations: Array(2049).fill(wirePrompt('a')) }],
    ['continuations[1]', { continuations: [wirePrompt('a'), { input: undefined }] }],
    ['continuations[1].text', { continuations: [wirePrompt('a'), wirePrompt('')] }],
    ['logprobs', { logprobs: 6 }],
    ['cancel_key', { cancelKey: 'short' }],
  ])('refuses a bad %s with INVALID_ARGUMENT that names it', async (field, fields) => {
    expect(await refusal(fields)).toMatchObject({
      code: status.INVALID_ARGUMENT,
      reason: 'INVALID_FIELD',
      field,
    });
    expect(harness.engine.calls).toEqual([]);
  });

  it('fails as the engine does', async () => {
    harness.engine.scored = async () => {
      throw new EngineError('QUEUE_FULL', 'The queue is full.', { retryAfterMs: 1500 });
    };
    const expected = { code: status.RESOURCE_EXHAUSTED, reason: 'QUEUE_FULL', retryAfterMs: 1500 };
    expect(await refusal({})).toMatchObject(expected);
  });

  /** An engine that scores until it is told to stop. */
  function scoreForEver() {
    const signalled = defer<AbortSignal>();
    harness.engine.scored = (_, signal) => {
      signalled.resolve(signal);
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    };
    return signalled.promise;
  }

  it('stops the engine when the caller goes away', async () => {
    const started = scoreForEver();
    const call = harness.client.score(wireScore(), () => undefined);
    const signal = await started;
    expect(harness.server.runningRequests).toBe(1);
    call.cancel();
    await expect.poll(() => signal.reason).toMatchObject({ reason: 'CANCELLED' });
    await expect.poll(() => harness.server.runningRequests).toBe(0);
    await expect
      .poll(() => harness.logs)
      .toMatchObject([{ rpc: '/linnet.v1.Completion/Score', reason: 'CANCELLED' }]);
  });

  it('stops the engine when its key is cancelled, without a reset', async () => {
    const started = scoreForEver();
    const cancelKey = randomUUID();
    const answer = refusal({ cancelKey });
    const signal = await started;
    const { cancelledRequests } = await unary<CancelResponse>((done) =>
      harness.client.cancel({ cancelKey }, done),
    );
    expect(cancelledRequests).toBe(1);
    expect(await answer).toMatchObject({ code: status.CANCELLED, reason: 'CANCELLED' });
    expect(signal.reason).toMatchObject({ reason: 'CANCELLED' });
  });

  it('stops the engine at the deadline', async () => {
    const started = scoreForEver();
    const deadline = new Date(Date.now() + 200);
    const answer = unary<ScoreResponse>((done) =>
      harness.client.score(wireScore(), new Metadata(), { deadline }, done),
    );
    await expect(answer).rejects.toMatchObject({ code: status.DEADLINE_EXCEEDED });
    await expect.poll(async () => (await started).reason).toMatchObject({ reason: 'DEADLINE_EXCEEDED' });
  });

  it('is waited for when the service drains, and told when it may wait no longer', async () => {
    const started = scoreForEver();
    const answer = refusal({});
    await started;
    const drained = harness.server.drain(100);
    expect(await answer).toMatchObject({ code: status.UNAVAILABLE, reason: 'ENGINE_UNAVAILABLE' });
    await drained;
  });
});
