import type { KvPart, KvShape } from '../kv-cache/kv-part.js';
import type { AttentionFormat } from './attention-format.js';
import { integerChunk } from './integer-chunk.js';
import { integerDecode } from './integer-decode.js';

/**
 * Keys and values in 8 bits, each with one scale for a head's position: a quarter of the memory, and of what a step reads.
 * Queries and probabilities become levels too: a product of u8 with s8 is a sum of whole numbers, the same in any order.
 * Keys lie as columns of tiles, [slots, H, tiles, D, positions of a tile], for the product with a single row (integer-decode.ts).
 */
export const INTEGER_ATTENTION: AttentionFormat = {
  name: 'i8',
  parts,
  // Half of what f32 costs, by measurement: a quarter of the bytes, and more to do with each (docs/engine.md, "Capacity").
  positionCost: ({ numLayers, numHeads, headWidth }) => numLayers * numHeads * headWidth * 4,
  open: (model) => ({ decode: integerDecode(model), chunk: integerChunk(model) }),
};

function parts({ numHeads, headWidth }: KvShape): readonly KvPart[] {
  const scale = { type: 'float32', before: [numHeads, 1], after: [] } as const;
  return [
    { name: 'key', type: 'int8', before: [numHeads], after: [], columnHeight: headWidth },
    { ...scale, name: 'key_scale' },
    { ...scale, name: 'key_offset' },
    { name: 'value', type: 'int8', before: [numHeads], after: [headWidth] },
    { ...scale, name: 'value_scale' },
  ];
}
