import {
  GetModelRequest,
  type GetModelResponse,
  ListModelsRequest,
  type ListModelsResponse,
  type Model,
  ModelsService,
  ModelState as WireState,
} from '../contract/gen/linnet/v1/models.js';
import { type Engine, EngineError, type ModelInfo, type ModelState } from '../engine/index.js';
import { parseModelId } from './model-id.js';
import { type Rpc, type RpcOptions, unaryRpc } from './rpc.js';

const WIRE_STATE: Readonly<Record<ModelState, WireState>> = {
  unloaded: WireState.UNLOADED,
  loading: WireState.LOADING,
  ready: WireState.READY,
  failed: WireState.FAILED,
};

/** Makes the RPCs of `linnet.v1.Models`. */
export function createModelsRpcs(engine: Engine, options: RpcOptions) {
  const listModels = unaryRpc(
    {
      method: ModelsService.listModels,
      request: ListModelsRequest,
      answer: (): ListModelsResponse => ({ models: engine.models().map(toModel) }),
    },
    options,
  );
  const getModel = unaryRpc(
    {
      method: ModelsService.getModel,
      request: GetModelRequest,
      answer: ({ id }): GetModelResponse => ({ model: toModel(findModel(engine.models(), id)) }),
    },
    options,
  );
  return { listModels, getModel } satisfies Record<keyof typeof ModelsService, Rpc>;
}

/** Maps a model as the engine shows it to its message. */
export function toModel({ id, state, error, shape, createdAt, load }: ModelInfo): Model {
  return {
    id,
    state: WIRE_STATE[state],
    error: error ?? '',
    config: shape && { ...shape, numParameters: BigInt(shape.numParameters) },
    createdUnixSeconds: BigInt(Math.floor(createdAt.getTime() / 1000)),
    load: {
      ...load,
      kvCacheUsedBytes: BigInt(load.kvCacheUsedBytes),
      kvCacheLimitBytes: BigInt(load.kvCacheLimitBytes),
    },
  };
}

function findModel(models: readonly ModelInfo[], id: string): ModelInfo {
  const model = id === '' ? models[0] : models.find((candidate) => candidate.id === parseModelId('id', id));
  if (model !== undefined) return model;
  const known = models.map((candidate) => candidate.id).join(', ');
  const text = `There is no model \`${id}\`; there is: ${known}.`;
  throw new EngineError('MODEL_NOT_FOUND', text, { metadata: { model: id, models: known } });
}
