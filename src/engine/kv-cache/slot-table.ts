import { TILE_POSITIONS } from './kv-part.js';
import type { CachedBlock } from './prefix-cache.js';

/** A place in the KV cache: the capacity class, and the row within its arrays. */
export interface Slot {
  readonly classIndex: number;
  readonly index: number;
}

/** Who can hold a slot. */
export interface Occupant {
  slot: Slot | undefined;
  /** Positions that hold something, to be copied when the occupant moves. */
  readonly numComputedTokens: number;
}

/** A copy of one occupant's keys and values, to be made before the slots are read. */
export type Move =
  /** From another slot. */
  | { readonly from: Slot; readonly to: Slot; readonly numPositions: number }
  /** From the prefix cache, to the slot's beginning. */
  | { readonly blocks: readonly CachedBlock[]; readonly to: Slot };

/** The occupants of one capacity class: those that decode in slots [0, numDecoding), then those that prefill. */
export interface SlotClass<T extends Occupant> {
  /** Positions per slot. */
  readonly capacity: number;
  readonly occupants: readonly T[];
  readonly numDecoding: number;
}

interface MutableSlotClass<T extends Occupant> {
  readonly capacity: number;
  readonly occupants: T[];
  numDecoding: number;
}

/**
 * The capacities for a context: steps of 64 up to 256 positions, of 128 beyond. A step reads whole slots, so what a slot
 * has too much costs time. Each is a multiple of a tile's 64, and of 16, on which the bits of the
 * attention do not depend (docs/engine.md, "Row-exact").
 */
export function capacitiesFor(contextLength: number): number[] {
  const largest = Math.ceil(contextLength / TILE_POSITIONS) * TILE_POSITIONS;
  const capacities: number[] = [];
  for (let capacity = 64; capacity < largest; capacity += capacity < 256 ? 64 : 128)
    capacities.push(capacity);
  capacities.push(largest);
  return capacities;
}

/**
 * Says who sits where in the KV cache. In every class the decoding sequences are contiguous from slot 0, so that a
 * batch of any size is a view of the class's arrays and costs nothing. Pure bookkeeping: the copies that a change asks
 * for are collected until {@link takeMoves}.
 */
export class SlotTable<T extends Occupant> {
  readonly #classes: MutableSlotClass<T>[];
  #moves: Move[] = [];

  /** Makes an empty table; `capacities` ascend. */
  constructor(capacities: readonly number[]) {
    this.#classes = capacities.map((capacity) => ({ capacity, occupants: [], numDecoding: 0 }));
  }

  get classes(): readonly SlotClass<T>[] {
    return this.#classes;
  }

  /** The capacity of the smallest class that holds so many positions. */
  capacityFor(numPositions: number): number {
    return this.#classes[this.classIndexFor(numPositions)]!.capacity;
  }

  /** The smallest class that holds so many positions. */
  classIndexFor(numPositions: number): number {
    const index = this.#classes.findIndex(({ capacity }) => capacity >= numPositions);
    if (index < 0) throw new RangeError(`No capacity class holds ${numPositions} positions.`);
    return index;
  }

  /** Gives a newcomer a slot that holds `numPositions`, among those that prefill, and what is cached for it. */
  admit(occupant: T, numPositions: number, blocks: readonly CachedBlock[] = []): void {
    this.#insert(occupant, this.classIndexFor(numPositions), false);
    if (blocks.length > 0) this.#moves.push({ blocks, to: slotOf(occupant) });
  }

  /** Gives a newcomer a slot that holds `numPositions`, among those that decode, and what it has computed of `from`. */
  fork(from: T, occupant: T, numPositions: number): void {
    this.#insert(occupant, this.classIndexFor(numPositions), true);
    const { numComputedTokens } = occupant;
    this.#moves.push({ from: slotOf(from), to: slotOf(occupant), numPositions: numComputedTokens });
  }

  /** Moves an occupant to another class that holds what it has. */
  relocate(occupant: T, classIndex: number): void {
    const slot = slotOf(occupant);
    if (slot.classIndex === classIndex) return;
    const decoding = slot.index < this.#classes[slot.classIndex]!.numDecoding;
    this.#insert(occupant, classIndex, decoding);
    this.#close(slot);
  }

  /** Lets an occupant that prefilled join those that decode. */
  startDecoding(occupant: T): void {
    const { classIndex, index } = slotOf(occupant);
    const slots = this.#classes[classIndex]!;
    const boundary = slots.numDecoding++;
    if (index === boundary) return;
    // Swap by way of the free slot behind the last.
    const other = slots.occupants[boundary]!;
    const spare = { classIndex, index: slots.occupants.length };
    this.#move(other, spare);
    this.#move(occupant, { classIndex, index: boundary });
    this.#move(other, { classIndex, index });
  }

  /** Frees an occupant's slot; the last ones of its class close the gap. */
  release(occupant: T): void {
    const slot = slotOf(occupant);
    occupant.slot = undefined;
    this.#close(slot);
  }

  /** The copies to make, in this order, before any slot is read. */
  takeMoves(): readonly Move[] {
    const moves = this.#moves;
    if (moves.length > 0) this.#moves = [];
    return moves;
  }

  #insert(occupant: T, classIndex: number, decoding: boolean): void {
    const slots = this.#classes[classIndex]!;
    const end = slots.occupants.length;
    slots.occupants.push(occupant);
    const boundary = decoding ? slots.numDecoding++ : end;
    if (boundary < end) this.#move(slots.occupants[boundary]!, { classIndex, index: end });
    this.#move(occupant, { classIndex, index: boundary });
  }

  /** Fills the hole at a slot that nobody holds any more. */
  #close({ classIndex, index }: Slot): void {
    const slots = this.#classes[classIndex]!;
    let hole = index;
    if (hole < slots.numDecoding) {
      const lastDecoding = --slots.numDecoding;
      if (hole < lastDecoding) this.#move(slots.occupants[lastDecoding]!, { classIndex, index: hole });
      hole = lastDecoding;
    }
    const last = slots.occupants.length - 1;
    if (hole < last) this.#move(slots.occupants[last]!, { classIndex, index: hole });
    slots.occupants.pop();
  }

  #move(occupant: T, to: Slot): void {
    const { slot: from, numComputedTokens: numPositions } = occupant;
    if (from !== undefined && numPositions > 0) this.#moves.push({ from, to, numPositions });
    occupant.slot = to;
    const { occupants } = this.#classes[to.classIndex]!;
    if (to.index < occupants.length) occupants[to.index] = occupant;
  }
}

function slotOf(occupant: Occupant): Slot {
  if (occupant.slot === undefined) throw new Error('The occupant holds no slot.');
  return occupant.slot;
}
