import { describe, expect, it } from 'vitest';
import { F32_ATTENTION } from '../../../src/engine/attention/f32-attention.js';
import { INTEGER_ATTENTION } from '../../../src/engine/attention/integer-attention.js';
import {
  bytesPerPosition,
  type KvArray,
  type KvPart,
  type KvShape,
  lanesOf,
  toKvArray,
} from '../../../src/engine/kv-cache/kv-part.js';
import { KvStore, type NewKv } from '../../../src/engine/kv-cache/kv-store.js';
import type { Slot } from '../../../src/engine/kv-cache/slot-table.js';

const shape = { numLayers: 2, numHeads: 2, headWidth: 3 };
const limits = { maxSequences: 4, maxPositions: 400 };
const CAPACITIES = [16, 32];

/** Tells a number by where it is from; within a byte. */
const mark = (row: number, layer: number, lane: number, token: number, column: number) =>
  ((row * 2 + layer) * 6 + lane) * 5 + token + column * 3 - 60;

/** Numbers of a part in one lane for one position. */
const widthOf = ({ after }: KvPart) => after.reduce((all, size) => all * size, 1);

/** New rows whose every number tells where it is from. */
function newKv(parts: readonly KvPart[], numRows: number, numNewTokens: number): NewKv {
  const arrays = parts.map((part) => {
    const numbers: number[] = [];
    for (let layer = 0; layer < shape.numLayers; layer++)
      for (let row = 0; row < numRows; row++)
        for (let lane = 0; lane < lanesOf(part).numLanes; lane++)
          for (let token = 0; token < numNewTokens; token++)
            for (let column = 0; column < widthOf(part); column++)
              numbers.push(mark(row, layer, lane, token, column));
    return part.type === 'int8' ? Int8Array.from(numbers) : Float32Array.from(numbers);
  });
  return { parts: arrays, numRows, numNewTokens };
}

/** What a slot holds of a part, by lane, position and column. */
function reader(part: KvPart, view: KvArray, capacity: number) {
  return (lane: number, position: number, column = 0) =>
    view[(lane * capacity + position) * widthOf(part) + column];
}

describe.each([
  ['floats', F32_ATTENTION],
  ['levels and scales', INTEGER_ATTENTION],
])('KvStore of %s', (_, attention) => {
  const parts = attention.parts(shape);
  const create = (capacities: readonly number[] = CAPACITIES) =>
    new KvStore({ shape, parts, capacities, limits });
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
    expect(store.touchedBytes).toBe(2 * 16 * bytesPerPosition(parts, shape));
  });

  it('gives the memory of a large empty class back, and says that views are stale', () => {
    const wide: KvShape = { numLayers: 1, numHeads: 1, headWidth: 8192 };
    const wideParts = attention.parts(wide);
    const store = new KvStore({
      shape: wide,
      parts: wideParts,
      capacities: [16, 32_768],
      limits: { maxSequences: 1, maxPositions: 65_536 },
    });
    const arrays = wideParts.map((part) => {
      const { numLanes, positionBytes } = lanesOf(part);
      return toKvArray(part.type, new Int8Array(numLanes * positionBytes));
    });
    const row = { parts: arrays, numRows: 1, numNewTokens: 1 };
    store.append(row, { classIndex: 0, index: 0 }, [0]);
    store.append(row, { classIndex: 1, index: 0 }, [0]);
    store.drop(1, false); // while others run, all within the limits is kept
    expect(store.generation).toBe(0);
    store.drop(1, true);
    expect(store.generation).toBe(1);
    expect(store.touchedBytes).toBe(16 * bytesPerPosition(wideParts, wide));
    store.drop(0, true); // so little is kept for the next one
    expect(store.generation).toBe(1);
  });
});
