import { Gauge, type Registry } from 'prom-client';
import { type Engine, KV_BLOCK_TOKENS, type ModelInfo } from '../../engine/index.js';
import { LINNET_LABELS, VLLM_LABELS } from './model-tally.js';

/** A gauge, read from what the engine says of a model. */
interface ModelGauge {
  readonly name: string;
  readonly help: string;
  readonly read: (model: ModelInfo) => number;
}

const GAUGES: readonly ModelGauge[] = [
  {
    name: 'linnet_requests_running',
    help: 'Requests that have a place.',
    read: ({ load }) => load.runningRequests,
  },
  {
    name: 'vllm:num_requests_running',
    help: 'Requests that have a place.',
    read: ({ load }) => load.runningRequests,
  },
  {
    name: 'linnet_requests_waiting',
    help: 'Requests that wait for a place.',
    read: ({ load }) => load.waitingRequests,
  },
  {
    name: 'vllm:num_requests_waiting',
    help: 'Requests that wait for a place.',
    read: ({ load }) => load.waitingRequests,
  },
  {
    name: 'linnet_predicted_wait_seconds',
    help: 'How long a request that comes now, behind all that wait, would wait for its turn.',
    read: ({ load }) => load.predictedWaitMs / 1000,
  },
  {
    name: 'linnet_kv_cache_used_bytes',
    help: 'KV cache that is reserved for requests that run.',
    read: ({ load }) => load.kvCacheUsedBytes,
  },
  {
    name: 'linnet_kv_cache_limit_bytes',
    help: 'KV cache that may be used.',
    read: ({ load }) => load.kvCacheLimitBytes,
  },
  {
    name: 'vllm:kv_cache_usage_perc',
    help: 'Share of the KV cache that is reserved, in [0, 1].',
    read: ({ load }) => (load.kvCacheLimitBytes === 0 ? 0 : load.kvCacheUsedBytes / load.kvCacheLimitBytes),
  },
  {
    name: 'linnet_model_ready',
    help: 'Whether the model is in memory.',
    read: ({ state }) => (state === 'ready' ? 1 : 0),
  },
];

/** Exposes what the engine's models are doing, as it is at the time of the scrape. */
export function exposeLoad(registry: Registry, engine: Engine): void {
  for (const { name, help, read } of GAUGES) {
    const labelsOf = name.startsWith('vllm:') ? VLLM_LABELS : LINNET_LABELS;
    const gauge = new Gauge({
      ...{ name, help, registers: [registry], labelNames: Object.keys(labelsOf('')) },
      collect() {
        for (const model of engine.models()) gauge.set(labelsOf(model.id), read(model));
      },
    });
  }
  const info = new Gauge({
    name: 'vllm:cache_config_info',
    help: 'The KV cache in blocks, as endpoint pickers count them.',
    ...{ registers: [registry], labelNames: ['model_name', 'engine', 'block_size', 'num_gpu_blocks'] },
    collect() {
      info.reset();
      for (const model of engine.models()) {
        const blocks = { block_size: String(KV_BLOCK_TOKENS), num_gpu_blocks: String(numBlocks(model)) };
        info.set({ ...VLLM_LABELS(model.id), ...blocks }, 1);
      }
    },
  });
}

function numBlocks({ shape, load }: ModelInfo): number {
  if (shape === undefined) return 0;
  // Keys and values of all layers, f32.
  const bytesPerToken = shape.numLayers * 2 * shape.hiddenSize * Float32Array.BYTES_PER_ELEMENT;
  return Math.floor(load.kvCacheLimitBytes / (bytesPerToken * KV_BLOCK_TOKENS));
}
