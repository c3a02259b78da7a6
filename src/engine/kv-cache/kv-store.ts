import { appendTokens } from './append-tokens.js';
import { copyRuns, type KvMemory, type Runs, toMemory } from './copy-runs.js';
import { KvArena } from './kv-arena.js';
import {
  bytesPerPosition,
  type KvArray,
  type KvLanes,
  type KvPart,
  type KvShape,
  lanesOf,
  partBytes,
  TILE_POSITIONS,
  toKvArray,
} from './kv-part.js';
import { KvSlots, type SlotPlace } from './kv-slots.js';
import type { CachedBlock } from './prefix-cache.js';
import type { Move, Slot } from './slot-table.js';

/**
 * What is kept of new tokens, as the graph returns it: each part [layers, rows, ...before, numNewTokens, ...after], and what lies
 * in columns [layers, rows, ...before, columnHeight, numNewTokens].
 */
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
  /** The most positions that the sequences may hold together. */
  readonly maxPositions: number;
}

/** Holds the keys and values of the sequences, each in a slot of its class. */
export class KvStore {
  readonly #parts: readonly KvPart[];
  readonly #layouts: readonly KvLanes[];
  readonly #arena: KvArena;
  readonly #slots: KvSlots;
  readonly #limitBytes: number;
  /** Classes without occupants, from which something may still be to be copied. */
  readonly #emptied = new Set<number>();

  constructor({ shape, parts, capacities, maxPositions }: KvStoreOptions) {
    this.#parts = parts;
    this.#layouts = parts.map(lanesOf);
    this.#arena = new KvArena({ shape, parts, maxPositions });
    this.#slots = new KvSlots({ arena: this.#arena, capacities, partBytes: parts.map(partBytes) });
    this.#limitBytes = maxPositions * bytesPerPosition(parts, shape);
  }

  /** Counts how often memory came to lie elsewhere: views taken before are stale. */
  get generation(): number {
    return this.#slots.generation;
  }

  /** Memory that the slots written so far take, in bytes. */
  get touchedBytes(): number {
    return this.#arena.touchedBytes;
  }

  /**
   * Views what contiguous slots hold of a part in a layer, without a copy: [numSlots, ...before, capacity, ...after].
   *
   * @param part its number in the options' order
   */
  view(part: number, layer: number, slots: Slot & { numSlots: number }): KvArray {
    const { region, start, capacity } = this.#slots.find(slots, slots.numSlots);
    const kind = this.#parts[part]!;
    const bytesEach = partBytes(kind);
    const { bytes } = region.memory[part]![layer]!;
    return toKvArray(
      kind.type,
      bytes.subarray(start * bytesEach, (start + slots.numSlots * capacity) * bytesEach),
    );
  }

  /** Makes the copies that the slot table asked for, in order. */
  apply(moves: readonly Move[]): void {
    for (const move of moves) {
      if ('blocks' in move) this.#restore(move.blocks, move.to);
      else this.#copy(move.from, move.to, move.numPositions);
    }
    this.#slots.freeLeft();
    for (const classIndex of this.#emptied) this.#slots.free(classIndex);
    this.#emptied.clear();
  }

  /** Appends new rows to contiguous slots; `positions[row]` is where that row's new tokens begin. */
  append({ parts, numRows, numNewTokens }: NewKv, first: Slot, positions: readonly number[]): void {
    this.#emptied.delete(first.classIndex);
    const place = this.#slots.touch(first, numRows);
    for (const [part, rows] of parts.entries()) {
      const layout = this.#layouts[part]!;
      const { numLanes, positionBytes } = layout;
      const source = toMemory(rows);
      const stride = numNewTokens * positionBytes;
      let start = 0;
      for (const memory of place.region.memory[part]!) {
        const lanes = runsOf(place, memory, layout);
        for (let row = 0; row < numRows; row++) {
          const from = { memory: source, start, stride };
          const to = { ...lanes, start: lanes.start + row * numLanes * lanes.stride };
          appendTokens(from, to, layout, { position: positions[row]!, numNewTokens });
          start += numLanes * stride;
        }
      }
    }
  }

  /**
   * Takes the slots of a class without occupants back, once the copies are made that are still to be made from them. If
   * nothing runs, most memory goes back to the system.
   */
  drop(classIndex: number, isIdle: boolean): void {
    if (isIdle) {
      this.#slots.freeLeft();
      this.#slots.free(classIndex);
    } else this.#emptied.add(classIndex);
    if (isIdle || this.touchedBytes > this.#limitBytes) this.#arena.trim({ keepsFirst: true });
  }

  /** Gives all memory that no slot has back to the system. */
  rest(): void {
    this.#arena.trim({ keepsFirst: false });
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
    // Both have left already, and their class with them.
    if (!this.#slots.has(from)) return;
    this.#emptied.delete(to.classIndex);
    const target = this.#slots.touch(to);
    const source = this.#slots.find(from);
    // Of what lies behind nothing is read.
    const wholePositions = Math.ceil(numPositions / TILE_POSITIONS) * TILE_POSITIONS;
    // Slots that are alike and half full are copied in one go, with what is behind.
    const { capacity } = target;
    const isWhole = source.capacity === capacity && 2 * numPositions >= capacity;
    for (const [part, layout] of this.#layouts.entries()) {
      const { numLanes, positionBytes } = layout;
      for (const [layer, memory] of source.region.memory[part]!.entries()) {
        copyRuns(
          runsOf(source, memory, layout),
          runsOf(target, target.region.memory[part]![layer]!, layout),
          isWhole ? 1 : numLanes,
          (isWhole ? numLanes * capacity : wholePositions) * positionBytes,
        );
      }
    }
  }
}

/** A part's lanes in a slot. */
function runsOf(
  { start, capacity }: SlotPlace,
  memory: KvMemory,
  { numLanes, positionBytes }: KvLanes,
): Runs {
  return { memory, start: start * numLanes * positionBytes, stride: capacity * positionBytes };
}
