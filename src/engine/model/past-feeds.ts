import { Tensor } from 'onnxruntime-node';
import { type KvPart, toKvArray } from '../kv-cache/kv-part.js';
import type { Feeds } from './feed-set.js';
import { pastRows } from './step-batches.js';

/** What each layer keeps. */
export interface KvLayers {
  readonly parts: readonly KvPart[];
  readonly numLayers: number;
}

/** The inputs for a batch's past; `create` makes the one of a part, by its number, in a layer. */
export function createPast(
  { parts, numLayers }: KvLayers,
  batch: number,
  create: (part: number, layer: number) => Tensor,
): Feeds {
  const feeds: Record<string, Tensor> = {};
  for (const [part, { name }] of parts.entries()) {
    for (let layer = 0; layer < numLayers; layer++) feeds[pastRows(name, layer, batch)] = create(part, layer);
  }
  return feeds;
}

/** The inputs for the past of a batch that a step lacks. */
export function noPast(layers: KvLayers, batch: number): Feeds {
  return createPast(layers, batch, (part) => {
    const { type, before, after } = layers.parts[part]!;
    return new Tensor(type, toKvArray(type, new Int8Array(0)), [0, ...before, 0, ...after]);
  });
}
