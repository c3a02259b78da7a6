import {
  GetModelRequest,
  type GetModelResponse,
  ListModelsRequest,
  type ListModelsResponse,
  LoadModelRequest,
  type LoadModelResponse,
  type Model,
  ModelsService,
  UnloadModelRequest,
  type UnloadModelResponse,
  ModelState as WireState,
} from '../../contract/gen/linnet/v1/models.js';
import { type Engine, EngineError, type ModelInfo, type ModelState } from '../../engine/index.js';
import { checkAdmin } from '../calls/caller.js';
import { type Rpc, type RpcOptions, unaryRpc } from '../calls/rpc.js';
import { parseModelId } from '../messages/model-id.js';

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
      answer: (): ListModelsResponse => ({
        models: engine.models().map(toModel),
        memoryLimitBytes: BigInt(engine.memoryLimitBytes),
      }),
    },
    options,
  );
  const getModel = unaryRpc(
    {
      method: ModelsService.getModel,
      request: GetModelRequest,
      answer: ({ id }): GetModelResponse => ({ model: toModel(findModel(engine, id)) }),
    },
    options,
  );
  return { listModels, getModel, ...createResidenceRpcs(engine, options) } satisfies Record<
    keyof typeof ModelsService,
    Rpc
  >;
}

/** Makes the RPCs that decide what is in memory. */
function createResidenceRpcs(engine: Engine, options: RpcOptions) {
  const loadModel = unaryRpc(
    {
      method: ModelsService.loadModel,
      request: LoadModelRequest,
      answer: async (request, { caller }): Promise<LoadModelResponse> => {
        checkAdmin(caller);
        const { id } = findModel(engine, request.id);
        await engine.load(id);
        return { model: toModel(findModel(engine, id)) };
      },
      level: 'info',
    },
    options,
  );
  const unloadModel = unaryRpc(
    {
      method: ModelsService.unloadModel,
      request: UnloadModelRequest,
      answer: async (request, { caller }): Promise<UnloadModelResponse> => {
        checkAdmin(caller);
        const { id } = findModel(engine, request.id);
        await engine.unload(id);
        return { model: toModel(findModel(engine, id)) };
      },
      level: 'info',
    },
    options,
  );
  return { loadModel, unloadModel };
}

/** Maps a model as the engine shows it to its message. */
function toModel(info: ModelInfo): Model {
  const { id, state, error, shape, createdAt, load, memoryBytes, loadingShare = 0 } = info;
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
    memoryBytes: BigInt(memoryBytes),
    loadingShare,
  };
}

function findModel(engine: Engine, id: string): ModelInfo {
  const models = engine.models();
  const model = id === '' ? models[0] : models.find((candidate) => candidate.id === parseModelId('id', id));
  if (model !== undefined) return model;
  const known = models.map((candidate) => candidate.id).join(', ');
  const text = `There is no model \`${id}\`; there is: ${known}.`;
  throw new EngineError('MODEL_NOT_FOUND', text, { field: 'id', metadata: { model: id, models: known } });
}
