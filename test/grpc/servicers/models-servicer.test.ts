import { credentials, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type GetModelResponse,
  type ListModelsResponse,
  type LoadModelResponse,
  ModelState,
  ModelsClient,
  type UnloadModelResponse,
} from '../../../src/contract/gen/linnet/v1/models.js';
import { decodeRichStatus } from '../../../src/contract/rich-status.js';
import { type GrpcHarness, startGrpcHarness, unary } from '../../support/grpc-harness.js';

let harness: GrpcHarness;
let client: ModelsClient;
beforeEach(async () => {
  harness = await startGrpcHarness();
  client = new ModelsClient(harness.target, credentials.createInsecure());
});
afterEach(async () => {
  client.close();
  await harness.close();
});

const getModel = (id: string) => unary<GetModelResponse>((done) => client.getModel({ id }, done));

describe('Models', () => {
  it('lists every model with shape, state and load', async () => {
    harness.engine.setState('ready');
    const { models, memoryLimitBytes } = await unary<ListModelsResponse>((done) =>
      client.listModels({}, done),
    );
    expect(memoryLimitBytes).toBe(17_179_869_184n);
    expect(models).toEqual([
      {
        id: 'test-model',
        state: ModelState.READY,
        error: '',
        config: {
          contextLength: 1024,
          vocabSize: 50257,
          numLayers: 12,
          numHeads: 12,
          hiddenSize: 768,
          numParameters: 124_439_808n,
          precision: 'f32',
          fingerprint: 'fp_test',
        },
        createdUnixSeconds: 1767323045n,
        load: {
          runningRequests: 1,
          waitingRequests: 2,
          kvCacheUsedBytes: 3n,
          kvCacheLimitBytes: 8_589_934_592n,
        },
        memoryBytes: 2_147_483_648n,
        loadingShare: 0,
      },
    ]);
  });

  it.each(['', 'test-model'])('gets the model %o', async (id) => {
    harness.engine.setState('failed');
    const { model } = await getModel(id);
    expect(model).toMatchObject({
      id: 'test-model',
      state: ModelState.FAILED,
      error: 'model.safetensors: cut short',
    });
  });

  it('loads a model and unloads it, and answers with its new state', async () => {
    const loaded = await unary<LoadModelResponse>((done) => client.loadModel({ id: '' }, done));
    expect(loaded.model).toMatchObject({ id: 'test-model', state: ModelState.READY });
    const unloaded = await unary<UnloadModelResponse>((done) =>
      client.unloadModel({ id: 'test-model' }, done),
    );
    expect(unloaded.model).toMatchObject({ state: ModelState.UNLOADED, memoryBytes: 0n });
  });

  it('does not unload a model that is in use', async () => {
    harness.engine.setState('loading');
    const error = await unary<UnloadModelResponse>((done) => client.unloadModel({ id: '' }, done)).catch(
      (caught) => caught,
    );
    expect(error).toMatchObject({ code: status.FAILED_PRECONDITION });
    expect(decodeRichStatus(error)?.reason).toBe('MODEL_BUSY');
  });

  it.each([
    [
      'load',
      (done: Parameters<ModelsClient['loadModel']>[1]) => client.loadModel({ id: 'gpt-5' }, done as never),
    ],
    [
      'unload',
      (done: Parameters<ModelsClient['loadModel']>[1]) => client.unloadModel({ id: 'gpt-5' }, done as never),
    ],
  ])('knows no other model to %s', async (_, call) => {
    await expect(unary(call as never)).rejects.toMatchObject({ code: status.NOT_FOUND });
  });

  it('says which models there are to one who asks for another', async () => {
    const error = await getModel('gpt-5').catch((caught) => caught);
    expect(error).toMatchObject({ code: status.NOT_FOUND });
    const rich = decodeRichStatus(error);
    expect(rich).toMatchObject({
      reason: 'MODEL_NOT_FOUND',
      field: 'id',
      metadata: { model: 'gpt-5', models: 'test-model' },
    });
    expect(rich?.message).toBe('There is no model `gpt-5`; there is: test-model.');
  });

  it('refuses an id that no answer could repeat', async () => {
    const error = await getModel('x'.repeat(100_000)).catch((caught) => caught);
    expect(error).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect(decodeRichStatus(error)?.field).toBe('id');
  });
});
