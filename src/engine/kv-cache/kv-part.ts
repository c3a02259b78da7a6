/** The size of a model's keys and values. */
export interface KvShape {
  readonly numLayers: number;
  readonly numHeads: number;
  readonly headWidth: number;
}

/** One of the things that each layer keeps of every position, in an array [slots, ...before, positions, ...after]. */
export interface KvPart {
  readonly name: string;
  readonly type: KvType;
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** The type of a part's numbers. */
export type KvType = 'float32' | 'int8';

/** An array of a part's numbers. */
export type KvArray = Float32Array | Int8Array;

const ARRAYS = { float32: Float32Array, int8: Int8Array };

/** Sees memory as numbers of a part. */
export function toKvArray(type: KvType, { buffer, byteOffset, byteLength }: Int8Array): KvArray {
  const Numbers = ARRAYS[type];
  return new Numbers(buffer as ArrayBuffer, byteOffset, byteLength / Numbers.BYTES_PER_ELEMENT);
}

/** How a part lies in memory: so many lanes for each slot, in which each position takes so many bytes. */
export interface KvLanes {
  readonly numLanes: number;
  readonly positionBytes: number;
}

/** Says how a part lies in memory. */
export function lanesOf({ type, before, after }: KvPart): KvLanes {
  return { numLanes: product(before), positionBytes: product(after) * ARRAYS[type].BYTES_PER_ELEMENT };
}

/** Bytes that one position of one sequence takes of a part in one layer. */
export function partBytes(part: KvPart): number {
  const { numLanes, positionBytes } = lanesOf(part);
  return numLanes * positionBytes;
}

/** Bytes that one position of one sequence takes in all layers. */
export function bytesPerPosition(parts: readonly KvPart[], { numLayers }: KvShape): number {
  return numLayers * parts.map(partBytes).reduce((sum, bytes) => sum + bytes, 0);
}

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}
