import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { F32_ATTENTION } from '../../../src/engine/attention/f32-attention.js';
import { INTEGER_ATTENTION } from '../../../src/engine/attention/integer-attention.js';
import {
  bytesPerPosition,
  type KvArray,
  type KvPart,
  type KvShape,
  lanesOf,
  partBytes,
  TILE_POSITIONS,
  toKvArray,
} from '../../../src/engine/kv-cache/kv-part.js';
import { KvStore, type NewKv } from '../../../src/engine/kv-cache/kv-store.js';
import { type Occupant, type Slot, SlotTable } from '../../../src/engine/kv-cache/slot-table.js';

const shape = { numLayers: 2, numHeads: 2, headWidth: 3 };
const maxPositions = 1600;
const CAPACITIES = [64, 128];

/** Tells a number by where it is from; within a byte. */
const mark = (row: number, layer: number, lane: number, token: number, column: number) =>
  ((row * 2 + layer) * 6 + lane) * 5 + token + column * 3 - 60;

/** Numbers of a part in one lane for one position. */
const widthOf = ({ after, columnHeight }: KvPart) =>
  columnHeight ?? after.reduce((all, size) => all * size, 1);

/** The numbers of a lane in the order of new rows: token and column. */
function numbersOf(part: KvPart, numNewTokens: number): [token: number, column: number][] {
  const [tokens, columns] = [numNewTokens, widthOf(part)].map((count) => [...Array(count).keys()]);
  return part.columnHeight === undefined
    ? tokens!.flatMap((token) => columns!.map((column): [number, number] => [token, column]))
    : columns!.flatMap((column) => tokens!.map((token): [number, number] => [token, column]));
}

/** New rows whose every number tells where it is from. */
function newKv(parts: readonly KvPart[], numRows: number, numNewTokens: number): NewKv {
  const arrays = parts.map((part) => {
    const numbers: number[] = [];
    for (let layer = 0; layer < shape.numLayers; layer++)
      for (let row = 0; row < numRows; row++)
        for (let lane = 0; lane < lanesOf(part).numLanes; lane++)
          for (const [token, column] of numbersOf(part, numNewTokens))
            numbers.push(mark(row, layer, lane, token, column));
    return part.type === 'int8' ? Int8Array.from(numbers) : Float32Array.from(numbers);
  });
  return { parts: arrays, numRows, numNewTokens };
}

/** What a slot holds of a part, by lane, position and column. */
function reader(part: KvPart, view: KvArray, capacity: number) {
  return (lane: number, position: number, column = 0) => {
    if (part.columnHeight === undefined) return view[(lane * capacity + position) * widthOf(part) + column];
    const inTile = position % TILE_POSITIONS;
    return view[(lane * capacity + position - inTile) * widthOf(part) + column * TILE_POSITIONS + inTile];
  };
}

interface Tenant extends Occupant {
  /** Moved up the levels of its rows tell it from others. */
  readonly name: number;
  numComputedTokens: number;
}

const step = fc.record({
  kind: fc.constantFrom('admit', 'advance', 'advance', 'decode', 'grow', 'fork', 'release', 'run', 'run'),
  pick: fc.nat(1000),
});

/** Sequences in a table of slots, whose keys and values are in a store; each has its own numbers. */
class Run {
  readonly #parts: readonly KvPart[];
  readonly #store: KvStore;
  readonly #table = new SlotTable<Tenant>(CAPACITIES);
  readonly #tenants: Tenant[] = [];
  readonly #views = new Map<string, KvArray>();
  #generation = 0;
  #numAdmitted = 0;

  constructor(parts: readonly KvPart[]) {
    this.#parts = parts;
    this.#store = new KvStore({ shape, parts, capacities: CAPACITIES, maxPositions });
  }

  take({ kind, pick }: { kind: string; pick: number }): void {
    const tenant = this.#tenants[pick % Math.max(1, this.#tenants.length)];
    if (kind === 'admit') this.#admit(1 + (pick % 90));
    else if (tenant === undefined) return;
    else if (kind === 'decode') this.#decode(tenant);
    else if (kind === 'grow')
      this.#table.relocate(tenant, Math.max(tenant.slot!.classIndex, this.#table.classIndexFor(65)));
    else if (kind === 'release') this.#release(tenant);
    else if (kind === 'fork') this.#fork(tenant);
    else this.#run(kind === 'advance' ? tenant : undefined, 1 + (pick % 7));
  }

  #admit(numPositions: number): void {
    const tenant = { name: this.#numAdmitted++ % 20, slot: undefined, numComputedTokens: 0 };
    this.#table.admit(tenant, numPositions);
    this.#tenants.push(tenant);
    this.#run(tenant, numPositions);
  }

  #decode(tenant: Tenant): void {
    const { classIndex, index } = tenant.slot!;
    if (index >= this.#table.classes[classIndex]!.numDecoding) this.#table.startDecoding(tenant);
  }

  #fork(from: Tenant): void {
    const { name, numComputedTokens } = from;
    const tenant = { name, slot: undefined, numComputedTokens };
    this.#table.fork(from, tenant, Math.max(1, numComputedTokens));
    this.#tenants.push(tenant);
  }

  #release(tenant: Tenant): void {
    this.#tenants.splice(this.#tenants.indexOf(tenant), 1);
    this.#table.release(tenant);
    this.#drop();
  }

  #drop(): void {
    const isIdle = this.#tenants.length === 0;
    for (const [classIndex, { occupants }] of this.#table.classes.entries())
      if (occupants.length === 0) this.#store.drop(classIndex, isIdle);
  }

  /** Views are kept until the store says that they are stale. */
  #view(index: number, slot: Slot): KvArray {
    if (this.#generation !== this.#store.generation) this.#views.clear();
    this.#generation = this.#store.generation;
    const key = `${index} ${slot.classIndex} ${slot.index}`;
    const view = this.#views.get(key) ?? this.#store.view(index, 1, { ...slot, numSlots: 1 });
    this.#views.set(key, view);
    return view;
  }

  /** What a step does: the copies, the views, what is computed. */
  #run(tenant: Tenant | undefined, maxNewTokens: number): void {
    this.#store.apply(this.#table.takeMoves());
    for (const { name, slot, numComputedTokens } of this.#tenants)
      for (const [index, part] of this.#parts.entries()) {
        const at = reader(part, this.#view(index, slot!), CAPACITIES[slot!.classIndex]!);
        const lane = lanesOf(part).numLanes - 1;
        const held = Array.from({ length: numComputedTokens }, (_, position) => at(lane, position));
        expect(held).toEqual(held.map((_, position) => name + position));
      }
    if (tenant === undefined) return;
    const { name, slot, numComputedTokens } = tenant;
    const room = Math.min(CAPACITIES[slot!.classIndex]!, 100);
    const numNewTokens = Math.min(maxNewTokens, room - numComputedTokens);
    if (numNewTokens > 0) {
      const rows = this.#parts.map((part) => rowsFrom(part, name + numComputedTokens, numNewTokens));
      this.#store.append({ parts: rows, numRows: 1, numNewTokens }, slot!, [numComputedTokens]);
      tenant.numComputedTokens += numNewTokens;
    }
    this.#drop();
  }
}

/** New rows of one sequence: in each lane the numbers from `first` on, one for each token. */
function rowsFrom(part: KvPart, first: number, numNewTokens: number): KvArray {
  const ofLane = numbersOf(part, numNewTokens).map(([token]) => first + token);
  const numbers = Array.from({ length: shape.numLayers * lanesOf(part).numLanes }, () => ofLane).flat();
  return part.type === 'int8' ? Int8Array.from(numbers) : Float32Array.from(numbers);
}

describe.each([
  ['floats', F32_ATTENTION],
  ['levels and scales', INTEGER_ATTENTION],
])('KvStore of %s', (_, attention) => {
  const parts = attention.parts(shape);
  const create = (capacities: readonly number[] = CAPACITIES) =>
    new KvStore({ shape, parts, capacities, maxPositions });
  const read = (store: KvStore, index: number, layer: number, slot: Slot) => {
    const view = store.view(index, layer, { ...slot, numSlots: 1 });
    return reader(parts[index]!, view, CAPACITIES[slot.classIndex]!);
  };

  it('appends each row at its own position, in every layer and lane', () => {
    const store = create();
    store.append(newKv(parts, 2, 2), { classIndex: 1, index: 1 }, [5, 9]);
    for (const [index, part] of parts.entries()) {
      const lane = lanesOf(part).numLanes - 1;
      const column = widthOf(part) - 1;
      for (const layer of [0, 1]) {
        const [first, second] = [1, 2].map((slot) =>
          read(store, index, layer, { classIndex: 1, index: slot }),
        );
        expect(first!(lane, 6, column)).toBe(mark(0, layer, lane, 1, column));
        expect(second!(0, 9, column)).toBe(mark(1, layer, 0, 0, column));
        expect(second!(0, 8, column)).toBe(0);
        expect(second!(0, 11, column)).toBe(0);
      }
    }
  });

  it('appends tokens that reach from one tile into the next', () => {
    const store = create();
    store.append(newKv(parts, 1, 5), { classIndex: 1, index: 1 }, [TILE_POSITIONS - 2]);
    for (const [index, part] of parts.entries()) {
      const at = read(store, index, 1, { classIndex: 1, index: 1 });
      for (let column = 0; column < widthOf(part); column++)
        for (let token = 0; token < 5; token++)
          expect(at(1, TILE_POSITIONS - 2 + token, column)).toBe(mark(0, 1, 1, token, column));
      expect([at(1, TILE_POSITIONS - 3), at(1, TILE_POSITIONS + 3)]).toEqual([0, 0]);
    }
  });

  it('copies a sequence between classes of different capacity', () => {
    const store = create();
    store.append(newKv(parts, 1, 5), { classIndex: 0, index: 0 }, [0]);
    store.apply([{ from: { classIndex: 0, index: 0 }, to: { classIndex: 1, index: 2 }, numPositions: 5 }]);
    for (const [index, part] of parts.entries()) {
      const moved = read(store, index, 1, { classIndex: 1, index: 2 });
      const lane = lanesOf(part).numLanes - 1;
      for (let token = 0; token < 5; token++) {
        expect(moved(lane, token)).toBe(mark(0, 1, lane, token, 0));
        expect(moved(0, token)).toBe(mark(0, 1, 0, token, 0));
      }
    }
  });

  it('restores blocks one behind the other', () => {
    const store = create();
    const blocks = [3, 4].map((numTokens, id) => ({ id, numTokens, rows: newKv(parts, 1, numTokens) }));
    store.apply([{ blocks, to: { classIndex: 1, index: 0 } }]);
    for (const index of parts.keys()) {
      const restored = read(store, index, 0, { classIndex: 1, index: 0 });
      expect([0, 2, 3, 6].map((position) => restored(1, position))).toEqual(
        [0, 2, 0, 3].map((token) => mark(0, 0, 1, token, 0)),
      );
    }
  });

  it('views neighbouring slots without a copy', () => {
    const store = create();
    const before = store.view(0, 0, { classIndex: 0, index: 0, numSlots: 3 });
    store.append(newKv(parts, 1, 1), { classIndex: 0, index: 2 }, [0]);
    const slotSize = lanesOf(parts[0]!).numLanes * CAPACITIES[0]! * widthOf(parts[0]!);
    expect(before[2 * slotSize]).toBe(mark(0, 0, 0, 0, 0));
  });

  it('counts the memory of slots that were written', () => {
    const store = create();
    expect(store.touchedBytes).toBe(0);
    store.append(newKv(parts, 1, 1), { classIndex: 0, index: 1 }, [0]);
    expect(store.touchedBytes).toBe(2 * 64 * bytesPerPosition(parts, shape));
  });

  it('writes where others have been, so that no more memory is taken', () => {
    const store = create();
    const row = newKv(parts, 1, 1);
    for (const index of [0, 1]) store.append(row, { classIndex: 1, index }, [0]);
    const { touchedBytes } = store;
    store.drop(1, false);
    store.apply([]);
    store.append(row, { classIndex: 0, index: 3 }, [0]);
    expect(store.touchedBytes).toBe(touchedBytes);
  });

  it('keeps what an emptied class holds until it was copied from there', () => {
    const store = create();
    const [from, to] = [0, 1].map((classIndex) => ({ classIndex, index: 0 })) as [Slot, Slot];
    store.append(newKv(parts, 1, 5), from, [0]);
    store.drop(0, false);
    store.append(newKv(parts, 2, 1), { classIndex: 1, index: 1 }, [7, 7]);
    store.apply([{ from, to, numPositions: 5 }]);
    expect(read(store, 0, 1, to)(1, 4)).toBe(mark(0, 1, 1, 4, 0));
  });

  it('says that views are stale once a class has come to lie elsewhere', () => {
    const store = create();
    const row = newKv(parts, 1, 1);
    store.append(row, { classIndex: 0, index: 0 }, [0]);
    store.append(row, { classIndex: 1, index: 0 }, [0]);
    expect(store.generation).toBe(0);
    store.append(row, { classIndex: 0, index: 1 }, [0]); // there is no room behind
    expect(store.generation).toBe(1);
    expect(read(store, 0, 0, { classIndex: 0, index: 0 })(0, 0)).toBe(mark(0, 0, 0, 0, 0));
  });

  it('keeps views of a class that empties and comes back to the same place', () => {
    const store = create();
    const slot = { classIndex: 1, index: 0 };
    store.append(newKv(parts, 1, 1), slot, [0]);
    const before = store.view(0, 0, { ...slot, numSlots: 1 });
    store.drop(1, true);
    store.append(newKv(parts, 1, 2), slot, [0]);
    expect(store.generation).toBe(0);
    expect(reader(parts[0]!, before, CAPACITIES[1]!)(0, 1)).toBe(mark(0, 0, 0, 1, 0));
  });

  it('gives memory back to the system when nothing runs, but for what the next sequences need', () => {
    const wide: KvShape = { numLayers: 1, numHeads: 1, headWidth: 8192 };
    const wideParts = attention.parts(wide);
    const store = new KvStore({
      shape: wide,
      parts: wideParts,
      capacities: [64, 32_768],
      maxPositions: 65_536,
    });
    const arrays = wideParts.map((part) => toKvArray(part.type, new Int8Array(partBytes(part))));
    const row = { parts: arrays, numRows: 1, numNewTokens: 1 };
    const [small, large] = [0, 1].map((classIndex) => ({ classIndex, index: 0 })) as [Slot, Slot];
    store.append(row, small, [0]);
    store.append(row, large, [0]);
    const view = store.view(0, 0, { ...large, numSlots: 1 });
    const { touchedBytes } = store;
    store.drop(1, false); // while others run, all within the limits is kept
    store.apply([]);
    expect(store.touchedBytes).toBe(touchedBytes);
    store.drop(1, true);
    store.drop(0, true);
    expect(store.touchedBytes).toBe(64 * bytesPerPosition(wideParts, wide));
    expect(view).toHaveLength(0); // the memory is gone, whoever still has a view of it
    store.rest();
    expect(store.touchedBytes).toBe(0);
    store.append(row, large, [0]);
    expect(store.generation).toBe(1);
    store.rest();
    expect(store.touchedBytes).toBeGreaterThan(0); // a slot has it
  });

  it('holds what each sequence has computed, whatever the others do', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 100, size: 'max' }), (steps) => {
        const run = new Run(parts);
        for (const taken of steps) run.take(taken);
      }),
      { numRuns: 60 },
    );
  });
});
