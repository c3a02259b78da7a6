/** The size of a model's keys and values. */
export interface KvShape {
  readonly numLayers: number;
  readonly numHeads: number;
  readonly headWidth: number;
}

/**
 * One of the things that each layer keeps of every position, in an array [slots, ...before, positions, ...after]. Or, where
 * numbers of one position are to lie in a column, in tiles: [slots, ...before, positions / TILE_POSITIONS, columnHeight,
 * TILE_POSITIONS]. To append a position is to write columnHeight single numbers, and in a tile they are near each other.
 */
export interface KvPart {
  readonly name: string;
  readonly type: KvType;
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly columnHeight?: number;
}

/** Positions of a tile. Capacities are multiples of it. */
export const TILE_POSITIONS = 64;

/** A part's dimensions behind that of the slots; the two counts may be names. */
export function partShape<Count>(
  { before, after, columnHeight }: KvPart,
  { positions, tiles }: { readonly positions: Count; readonly tiles: Count },
): (number | Count)[] {
  if (columnHeight === undefined) return [...before, positions, ...after];
  return [...before, tiles, columnHeight, TILE_POSITIONS];
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
  /** Where a lane is made of tiles: of how many rows. */
  readonly tileRows: number | undefined;
}

/** Says how a part lies in memory. */
export function lanesOf({ type, before, after, columnHeight }: KvPart): KvLanes {
  const numNumbers = columnHeight ?? product(after);
  const positionBytes = numNumbers * ARRAYS[type].BYTES_PER_ELEMENT;
  return { numLanes: product(before), positionBytes, tileRows: columnHeight };
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
