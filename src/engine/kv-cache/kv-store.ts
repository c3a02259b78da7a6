import { copyRuns, type KvMemory, toMemory } from './copy-runs.js';
import {
  bytesPerPosition,
  type KvArray,
  type KvLanes,
  type KvPart,
  type KvShape,
  lanesOf,
  toKvArray,
} from './kv-part.js';
import type { CachedBlock } from './prefix-cache.js';
import type { Move, Slot } from './slot-table.js';

/** What is kept of new tokens, as the graph returns it: each part [layers, rows, lanes, numNewTokens, ...after]. */
export interface NewKv {
  readonly parts: readonly KvArray[];
  readonly numRows: number;
  readonly numNewTokens: number;
}

/** What the KV store is made of. */
export interface KvStoreOptions {
  readonly shape: KvShape;
  /** What each layer keeps. */
  readonly parts: readonly KvPart[];
  /** Positions per slot of the classes. */
  readonly capacities: readonly number[];
  readonly limits: KvLimits;
}

/** The memory of one capacity class: for each part and each layer [slots, lanes, capacity, ...after]. */
interface ClassMemory {
  readonly memory: readonly (readonly KvMemory[])[];
  /** Slots that have ever been written: only their pages take memory. */
  numTouched: number;
}

/** What the sequences may hold together. */
export interface KvLimits {
  readonly maxSequences: number;
  readonly maxPositions: number;
}

/** Memory that is kept for the next sequence when nothing runs: to get it anew doubles the time of a long prompt. */
const KEPT_BYTES = 256 * 2 ** 20;

/** Capacities are multiples of this, and so many positions of any part are whole words. */
const WORD_POSITIONS = 4;

/**
 * Holds the keys and values. A class's arrays are made for the most sequences there can be, but the system gives them
 * memory page by page as slots are written; a class that empties gives its arrays back.
 */
export class KvStore {
  readonly #parts: readonly KvPart[];
  readonly #layouts: readonly KvLanes[];
  readonly #numLayers: number;
  readonly #positionBytes: number;
  readonly #capacities: readonly number[];
  readonly #maxSlots: readonly number[];
  readonly #classes: (ClassMemory | undefined)[];
  /** Counts how often arrays were made anew: views taken before are stale. */
  #generation = 0;
  readonly #limitBytes: number;

  constructor({ shape, parts, capacities, limits }: KvStoreOptions) {
    this.#parts = parts;
    this.#layouts = parts.map(lanesOf);
    this.#numLayers = shape.numLayers;
    this.#positionBytes = bytesPerPosition(parts, shape);
    this.#capacities = capacities;
    // One more than can be held at a time, by way of which two are swapped.
    this.#maxSlots = capacities.map(
      (capacity) => 1 + Math.min(limits.maxSequences, Math.ceil(limits.maxPositions / capacity)),
    );
    this.#classes = capacities.map(() => undefined);
    this.#limitBytes = limits.maxPositions * this.#positionBytes;
  }

  get generation(): number {
    return this.#generation;
  }

  /** Memory that the slots written so far take, in bytes. */
  get touchedBytes(): number {
    return this.#capacities.reduce(
      (sum, capacity, index) =>
        sum + (this.#classes[index]?.numTouched ?? 0) * capacity * this.#positionBytes,
      0,
    );
  }

  /**
   * Views what contiguous slots hold of a part in a layer, without a copy: [numSlots, ...before, capacity, ...after].
   *
   * @param part its number in the options' order
   */
  view(part: number, layer: number, { classIndex, index, numSlots }: Slot & { numSlots: number }): KvArray {
    const stride = this.#slotBytes(part, classIndex);
    const { bytes } = this.#memory(classIndex)[part]![layer]!;
    return toKvArray(this.#parts[part]!.type, bytes.subarray(index * stride, (index + numSlots) * stride));
  }

  /** Makes the copies that the slot table asked for, in order. */
  apply(moves: readonly Move[]): void {
    for (const move of moves) {
      if ('blocks' in move) this.#restore(move.blocks, move.to);
      else this.#copy(move.from, move.to, move.numPositions);
    }
  }

  /** Appends new rows to contiguous slots; `positions[row]` is where that row's new tokens begin. */
  append(
    { parts, numRows, numNewTokens }: NewKv,
    { classIndex, index }: Slot,
    positions: readonly number[],
  ): void {
    const target = this.#touch(classIndex, index + numRows - 1);
    for (const [part, rows] of parts.entries()) {
      const { numLanes, positionBytes } = this.#layouts[part]!;
      const slotBytes = this.#slotBytes(part, classIndex);
      const source = toMemory(rows);
      const run = numNewTokens * positionBytes; // contiguous on both sides
      let from = 0;
      for (const memory of target[part]!) {
        for (let row = 0; row < numRows; row++) {
          const to = (index + row) * slotBytes + positions[row]! * positionBytes;
          copyRuns(
            { memory: source, start: from, stride: run },
            { memory, start: to, stride: slotBytes / numLanes },
            numLanes,
            run,
          );
          from += numLanes * run;
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

  /** Blocks follow each other from the slot's beginning. */
  #restore(blocks: readonly CachedBlock[], to: Slot): void {
    let position = 0;
    for (const { rows } of blocks) {
      this.append(rows, to, [position]);
      position += rows.numNewTokens;
    }
  }

  #copy(from: Slot, to: Slot, numPositions: number): void {
    const sources = this.#memory(from.classIndex);
    const targets = this.#touch(to.classIndex, to.index);
    // Of what lies behind nothing is read, and whole words are copied faster.
    const wholePositions = Math.ceil(numPositions / WORD_POSITIONS) * WORD_POSITIONS;
    for (const [part, { numLanes, positionBytes }] of this.#layouts.entries()) {
      const [fromBytes, toBytes] = [from, to].map(({ classIndex }) => this.#slotBytes(part, classIndex));
      for (const [layer, source] of sources[part]!.entries()) {
        copyRuns(
          { memory: source, start: from.index * fromBytes!, stride: fromBytes! / numLanes },
          { memory: targets[part]![layer]!, start: to.index * toBytes!, stride: toBytes! / numLanes },
          numLanes,
          wholePositions * positionBytes,
        );
      }
    }
  }

  #slotBytes(part: number, classIndex: number): number {
    const { numLanes, positionBytes } = this.#layouts[part]!;
    return numLanes * this.#capacities[classIndex]! * positionBytes;
  }

  #touch(classIndex: number, slotIndex: number): ClassMemory['memory'] {
    const memory = this.#memory(classIndex);
    const present = this.#classes[classIndex]!;
    present.numTouched = Math.max(present.numTouched, slotIndex + 1);
    return memory;
  }

  #memory(classIndex: number): ClassMemory['memory'] {
    const present = this.#classes[classIndex];
    if (present !== undefined) return present.memory;
    const memory = this.#parts.map((_, part) => {
      const numBytes = this.#maxSlots[classIndex]! * this.#slotBytes(part, classIndex);
      return Array.from({ length: this.#numLayers }, () => toMemory(new Int8Array(numBytes)));
    });
    this.#classes[classIndex] = { memory, numTouched: 0 };
    return memory;
  }
}
