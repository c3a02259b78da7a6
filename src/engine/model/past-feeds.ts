import { Tensor } from 'onnxruntime-node';
import { type KvPart, partShape, TILE_POSITIONS, toKvArray } from '../kv-cache/kv-part.js';
import { pastRows } from './batch-inputs.js';
import type { Feeds } from './feed-set.js';

/** What each layer keeps. */
export interface KvLayers {
  readonly parts: readonly KvPart[];
  readonly numLayers: number;
}

/** What a batch's past of a part has for dimensions: as many as the queries have, or, in tiles, one more. */
export function pastShape(part: KvPart, numSlots: number, capacity: number): number[] {
  return [1, numSlots, ...partShape(part, { positions: capacity, tiles: capacity / TILE_POSITIONS })];
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

/** Positions of nobody's past: products of quantized rows take no dimension of 0 but that of the sequences. */
export const NOBODYS_POSITIONS = TILE_POSITIONS;

/** The inputs for the past of a batch without sequences. */
export function noPast(layers: KvLayers, batch: number): Feeds {
  return createPast(layers, batch, (part) => {
    const kind = layers.parts[part]!;
    return new Tensor(
      kind.type,
      toKvArray(kind.type, new Int8Array(0)),
      pastShape(kind, 0, NOBODYS_POSITIONS),
    );
  });
}
