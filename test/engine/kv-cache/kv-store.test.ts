import { describe, expect, it } from 'vitest';
import { bytesPerPosition, KvStore } from '../../../src/engine/kv-cache/kv-store.js';

const shape = { numLayers: 2, numHeads: 2, headWidth: 3 };
const limits = { maxSequences: 4, maxPositions: 400 };
const PARTS = 4;

/** New rows whose every float tells its part, row, head, token and column. */
function newKv(numRows: number, numNewTokens: number) {
  const data: number[] = [];
  for (let part = 0; part < PARTS; part++)
    for (let row = 0; row < numRows; row++)
      for (let head = 0; head < 2; head++)
        for (let token = 0; token < numNewTokens; token++)
          for (let column = 0; column < 3; column++)
            data.push(part * 10_000 + row * 1000 + head * 100 + token * 10 + column);
  return { data: Float32Array.from(data), numRows, numNewTokens };
}

function at(store: KvStore, part: number, slot: { classIndex: number; index: number }, capacity: number) {
  const view = store.view(part, slot, 1);
  return (head: number, position: number, column: number) => view[(head * capacity + position) * 3 + column];
}

describe('KvStore', () => {
  it('appends each row at its own position, in every layer and head', () => {
    const store = new KvStore(shape, [16, 32], limits);
    store.append(newKv(2, 2), { classIndex: 1, index: 1 }, [5, 9]);
    for (let part = 0; part < PARTS; part++) {
      const first = at(store, part, { classIndex: 1, index: 1 }, 32);
      const second = at(store, part, { classIndex: 1, index: 2 }, 32);
      expect(first(1, 6, 2)).toBe(part * 10_000 + 112);
      expect(second(0, 9, 1)).toBe(part * 10_000 + 1001);
      expect(second(0, 8, 1)).toBe(0);
    }
  });

  it('copies a sequence between classes of different capacity', () => {
    const store = new KvStore(shape, [16, 32], limits);
    store.append(newKv(1, 4), { classIndex: 0, index: 0 }, [0]);
    store.apply([{ from: { classIndex: 0, index: 0 }, to: { classIndex: 1, index: 2 }, numPositions: 4 }]);
    for (let part = 0; part < PARTS; part++) {
      const moved = at(store, part, { classIndex: 1, index: 2 }, 32);
      expect(moved(1, 3, 2)).toBe(part * 10_000 + 132);
      expect(moved(0, 0, 0)).toBe(part * 10_000);
    }
  });

  it('views neighbouring slots without a copy', () => {
    const store = new KvStore(shape, [16], limits);
    const before = store.view(0, { classIndex: 0, index: 0 }, 3);
    store.append(newKv(1, 1), { classIndex: 0, index: 2 }, [0]);
    expect(before[2 * 2 * 16 * 3 + 1]).toBe(1);
  });

  it('counts the memory of slots that were written', () => {
    const store = new KvStore(shape, [16], limits);
    expect(store.touchedBytes).toBe(0);
    store.append(newKv(1, 1), { classIndex: 0, index: 1 }, [0]);
    expect(store.touchedBytes).toBe(2 * 16 * bytesPerPosition(shape));
  });

  it('gives the memory of a large empty class back, and says that views are stale', () => {
    const wide = { numLayers: 1, numHeads: 1, headWidth: 1024 };
    const store = new KvStore(wide, [16, 32_768], { maxSequences: 1, maxPositions: 65_536 });
    const row = { data: new Float32Array(2 * 1024), numRows: 1, numNewTokens: 1 };
    store.append(row, { classIndex: 0, index: 0 }, [0]);
    store.append(row, { classIndex: 1, index: 0 }, [0]);
    store.drop(1, false); // while others run, all within the limits is kept
    expect(store.generation).toBe(0);
    store.drop(1, true);
    expect(store.generation).toBe(1);
    expect(store.touchedBytes).toBe(16 * bytesPerPosition(wide));
    store.drop(0, true); // so little is kept for the next one
    expect(store.generation).toBe(1);
  });
});
