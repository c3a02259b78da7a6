import type { CachedBlock } from './prefix-cache.js';
import type { Move, Slot } from './slot-table.js';

/** The shape of the keys and values of one model. */
export interface KvShape {
  readonly numLayers: number;
  readonly numHeads: number;
  readonly headWidth: number;
}

/** New keys and values as the graph returns them: f32 [L * 2 * rows, heads, numNewTokens, headWidth]. */
export interface NewKv {
  readonly data: Float32Array;
  readonly numRows: number;
  readonly numNewTokens: number;
}

/** The arrays of one capacity class: for each layer the keys, then the values, f32 [slots, heads, capacity, width]. */
interface ClassArrays {
  readonly arrays: readonly Float32Array[];
  /** Slots that have ever been written: only their pages take memory. */
  numTouched: number;
}

/** What the sequences may hold together. */
export interface KvLimits {
  readonly maxSequences: number;
  readonly maxPositions: number;
}

/** Memory that is kept for the next sequence when nothing runs: to get it anew from the system takes longer than a step. */
const KEPT_BYTES = 256 * 2 ** 20;

/** Bytes that one position of one sequence takes in all layers. */
export function bytesPerPosition({ numLayers, numHeads, headWidth }: KvShape): number {
  return numLayers * 2 * numHeads * headWidth * Float32Array.BYTES_PER_ELEMENT;
}

/**
 * Holds the keys and values. A class's arrays are made for the most sequences there can be, but the system gives them
 * memory page by page as slots are written; a class that empties gives its arrays back.
 */
export class KvStore {
  readonly #shape: KvShape;
  readonly #capacities: readonly number[];
  readonly #maxSlots: readonly number[];
  readonly #classes: (ClassArrays | undefined)[];
  /** Counts how often arrays were made anew: views taken before are stale. */
  #generation = 0;
  readonly #limitBytes: number;

  /** At most `maxSequences` hold slots at a time, and together no more than `maxPositions`. */
  constructor(shape: KvShape, capacities: readonly number[], limits: KvLimits) {
    this.#shape = shape;
    this.#capacities = capacities;
    // One more than can be held at a time, by way of which two are swapped.
    this.#maxSlots = capacities.map(
      (capacity) => 1 + Math.min(limits.maxSequences, Math.ceil(limits.maxPositions / capacity)),
    );
    this.#classes = capacities.map(() => undefined);
    this.#limitBytes = limits.maxPositions * bytesPerPosition(shape);
  }

  get generation(): number {
    return this.#generation;
  }

  /** Memory that the slots written so far take, in bytes. */
  get touchedBytes(): number {
    const perPosition = bytesPerPosition(this.#shape);
    return this.#capacities.reduce(
      (sum, capacity, index) => sum + (this.#classes[index]?.numTouched ?? 0) * capacity * perPosition,
      0,
    );
  }

  /**
   * Views the keys (`part` = 2 * layer) or values (`part` = 2 * layer + 1) of contiguous slots without a copy:
   * f32 [numSlots, heads, capacity, headWidth].
   */
  view(part: number, { classIndex, index }: Slot, numSlots: number): Float32Array {
    const stride = this.#slotSize(classIndex);
    return this.#arrays(classIndex).arrays[part]!.subarray(index * stride, (index + numSlots) * stride);
  }

  /** Makes the copies that the slot table asked for, in order. */
  apply(moves: readonly Move[]): void {
    for (const move of moves) {
      if ('blocks' in move) this.#restore(move.blocks, move.to);
      else this.#copy(move.from, move.to, move.numPositions);
    }
  }

  /** Appends new rows to contiguous slots; `positions[row]` is where that row's new tokens begin. */
  append(newKv: NewKv, { classIndex, index }: Slot, positions: readonly number[]): void {
    const { numHeads, headWidth } = this.#shape;
    const { data, numRows, numNewTokens } = newKv;
    const target = this.#touch(classIndex, index + numRows - 1);
    const stride = this.#slotSize(classIndex);
    const headStride = this.#capacities[classIndex]! * headWidth;
    const run = numNewTokens * headWidth; // contiguous on both sides
    let source = 0;
    for (const array of target) {
      for (let row = 0; row < numRows; row++) {
        let at = (index + row) * stride + positions[row]! * headWidth;
        for (let head = 0; head < numHeads; head++) {
          copyRun(data, source, array, at, run);
          source += run;
          at += headStride;
        }
      }
    }
  }

  /** Gives the arrays of a class without occupants back, while more is held in all than is to be kept. */
  drop(classIndex: number, isIdle: boolean): void {
    const keptBytes = isIdle ? KEPT_BYTES : this.#limitBytes;
    if (this.#classes[classIndex] === undefined || this.touchedBytes <= keptBytes) return;
    this.#classes[classIndex] = undefined;
    this.#generation++;
  }

  /** A block has the layout of new rows, and is as long as the step that made it. */
  #restore(blocks: readonly CachedBlock[], to: Slot): void {
    const { numLayers, numHeads, headWidth } = this.#shape;
    let position = 0;
    for (const { data } of blocks) {
      const numNewTokens = data.length / (2 * numLayers * numHeads * headWidth);
      this.append({ data, numRows: 1, numNewTokens }, to, [position]);
      position += numNewTokens;
    }
  }

  #copy(from: Slot, to: Slot, numPositions: number): void {
    const { numHeads, headWidth } = this.#shape;
    const sources = this.#arrays(from.classIndex).arrays;
    const targets = this.#touch(to.classIndex, to.index);
    const [fromHead, toHead] = [from, to].map(({ classIndex }) => this.#capacities[classIndex]! * headWidth);
    for (let part = 0; part < targets.length; part++) {
      let source = from.index * this.#slotSize(from.classIndex);
      let target = to.index * this.#slotSize(to.classIndex);
      for (let head = 0; head < numHeads; head++) {
        targets[part]!.set(sources[part]!.subarray(source, source + numPositions * headWidth), target);
        source += fromHead!;
        target += toHead!;
      }
    }
  }

  #slotSize(classIndex: number): number {
    return this.#shape.numHeads * this.#capacities[classIndex]! * this.#shape.headWidth;
  }

  #touch(classIndex: number, slotIndex: number): readonly Float32Array[] {
    const arrays = this.#arrays(classIndex);
    arrays.numTouched = Math.max(arrays.numTouched, slotIndex + 1);
    return arrays.arrays;
  }

  #arrays(classIndex: number): ClassArrays {
    const present = this.#classes[classIndex];
    if (present !== undefined) return present;
    const length = this.#maxSlots[classIndex]! * this.#slotSize(classIndex);
    const arrays = Array.from({ length: 2 * this.#shape.numLayers }, () => new Float32Array(length));
    const made = { arrays, numTouched: 0 };
    this.#classes[classIndex] = made;
    return made;
  }
}

/** Copies a run of floats; for a single position a loop saves making a view. */
function copyRun(source: Float32Array, from: number, target: Float32Array, to: number, length: number): void {
  if (length > 256) {
    target.set(source.subarray(from, from + length), to);
    return;
  }
  for (let i = 0; i < length; i++) target[to + i] = source[from + i]!;
}
