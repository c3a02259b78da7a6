import type { KvArena, KvRegion, Place } from './kv-arena.js';
import type { Slot } from './slot-table.js';

/** What the slots of the capacity classes are made of. */
export interface KvSlotsOptions {
  readonly arena: KvArena;
  /** Positions per slot of the classes. */
  readonly capacities: readonly number[];
  /** Bytes that a position takes of each part in one layer. */
  readonly partBytes: readonly number[];
}

/** Where a slot begins in the arrays of its region, and how many positions it has. */
export interface SlotPlace {
  readonly region: KvRegion;
  readonly start: number;
  readonly capacity: number;
}

/** Where the slots of a class are, side by side, and how many. */
interface ClassSlots {
  readonly place: Place;
  readonly numSlots: number;
  /** From the first on: only these are copied to a larger place. */
  numWritten: number;
}

/** More room than was asked for when slots are not enough, so that to fill a class copies few times what it holds. */
const GROWTH = 1.25;

/** Gives the classes their slots in the arena: as many as were asked for, and some more when those are not enough. */
export class KvSlots {
  readonly #arena: KvArena;
  readonly #capacities: readonly number[];
  readonly #partBytes: readonly number[];
  readonly #classes: (ClassSlots | undefined)[];
  /** Where each class was last. */
  readonly #places: (Place | undefined)[];
  /** Places that classes outgrew: a step may still read them, by views taken before. */
  #left: Place[] = [];
  #generation = 0;

  constructor({ arena, capacities, partBytes }: KvSlotsOptions) {
    this.#arena = arena;
    this.#capacities = capacities;
    this.#partBytes = partBytes;
    this.#classes = capacities.map(() => undefined);
    this.#places = capacities.map(() => undefined);
  }

  /** Counts how often a class came to another place than it had before: views taken before are stale. */
  get generation(): number {
    return this.#generation;
  }

  /** Whether a slot has been written, and not taken away since. */
  has({ classIndex, index }: Slot): boolean {
    return index < (this.#classes[classIndex]?.numWritten ?? 0);
  }

  /** Finds a slot and those behind it, `numSlots` in all, and makes what is missing. */
  find({ classIndex, index }: Slot, numSlots = 1): SlotPlace {
    const { region, extent } = this.#reserve(classIndex, index + numSlots).place;
    const capacity = this.#capacities[classIndex]!;
    return { region, start: extent.start + index * capacity, capacity };
  }

  /** Finds slots that are to be written. */
  touch(first: Slot, numSlots = 1): SlotPlace {
    const found = this.find(first, numSlots);
    const { classIndex, index } = first;
    const slots = this.#classes[classIndex]!;
    if (slots.numWritten < index + numSlots) {
      slots.numWritten = index + numSlots;
      this.#noteWritten(classIndex, slots);
    }
    return found;
  }

  /** Frees what classes outgrew; no step reads it any more. */
  freeLeft(): void {
    for (const { region, extent } of this.#left) region.space.give(extent);
    this.#left = [];
  }

  /** Takes a class's slots away, with all that they hold. */
  free(classIndex: number): void {
    const slots = this.#classes[classIndex];
    if (slots === undefined) return;
    slots.place.region.space.give(slots.place.extent);
    this.#classes[classIndex] = undefined;
  }

  #reserve(classIndex: number, numSlots: number): ClassSlots {
    const present = this.#classes[classIndex];
    if (present !== undefined && present.numSlots >= numSlots) return present;
    const slots =
      present === undefined
        ? this.#taken(classIndex, numSlots)
        : this.#grown(classIndex, present, Math.max(numSlots, Math.ceil(GROWTH * present.numSlots)));
    this.#classes[classIndex] = slots;
    this.#notePlace(classIndex, slots.place);
    return slots;
  }

  #taken(classIndex: number, numSlots: number): ClassSlots {
    return { place: this.#arena.take(numSlots * this.#capacities[classIndex]!), numSlots, numWritten: 0 };
  }

  #grown(classIndex: number, present: ClassSlots, numSlots: number): ClassSlots {
    const { numWritten } = present;
    const { region, extent } = present.place;
    const length = numSlots * this.#capacities[classIndex]!;
    if (region.space.takeAt(extent.start + extent.length, length - extent.length) !== undefined)
      return { place: { region, extent: { start: extent.start, length } }, numSlots, numWritten };
    const grown = { ...this.#taken(classIndex, numSlots), numWritten };
    this.#copy(present, grown, numWritten * this.#capacities[classIndex]!);
    this.#left.push(present.place);
    this.#noteWritten(classIndex, grown);
    return grown;
  }

  #copy({ place: from }: ClassSlots, { place: to }: ClassSlots, numPositions: number): void {
    for (const [part, bytes] of this.#partBytes.entries()) {
      const start = from.extent.start * bytes;
      for (const [layer, { bytes: source }] of from.region.memory[part]!.entries()) {
        const target = to.region.memory[part]![layer]!.bytes;
        target.set(source.subarray(start, start + numPositions * bytes), to.extent.start * bytes);
      }
    }
  }

  #noteWritten(classIndex: number, { place: { region, extent }, numWritten }: ClassSlots): void {
    const end = extent.start + numWritten * this.#capacities[classIndex]!;
    region.numTouched = Math.max(region.numTouched, end);
  }

  #notePlace(classIndex: number, place: Place): void {
    const last = this.#places[classIndex];
    const isSame = last?.region === place.region && last.extent.start === place.extent.start;
    if (last !== undefined && !isSame) this.#generation++;
    this.#places[classIndex] = place;
  }
}
