import { type KvMemory, toMemory } from './copy-runs.js';
import { type Extent, FreeSpace } from './free-space.js';
import { bytesPerPosition, type KvPart, type KvShape, partBytes } from './kv-part.js';

/** What the arena is made of. */
export interface KvArenaOptions {
  readonly shape: KvShape;
  readonly parts: readonly KvPart[];
  /** The most positions that the sequences may hold together. */
  readonly maxPositions: number;
}

/** Positions in a region: the same stretch of each part's array in each layer. */
export interface Place {
  readonly region: KvRegion;
  readonly extent: Extent;
}

/** Memory that is kept for a while when nothing runs, in bytes: the next sequences' keys and values come to pages that are there. */
const KEPT_BYTES = 128 * 2 ** 20;
/** Regions are multiples of this, so that arrays of any part begin at a cache line. */
const ALIGNED_POSITIONS = 64;

/** One stretch of memory, cut into an array for each part and layer, each with so many positions. */
export class KvRegion {
  readonly space: FreeSpace;
  /** By part and layer. */
  readonly memory: readonly (readonly KvMemory[])[];
  /** Positions from the beginning on that have ever been written: only their pages take memory. */
  numTouched = 0;
  readonly #buffer: ArrayBuffer;

  constructor({ shape, parts }: KvArenaOptions, numPositions: number) {
    const size = Math.ceil(numPositions / ALIGNED_POSITIONS) * ALIGNED_POSITIONS;
    // One buffer for all: so large a one is mapped, and pages that nobody writes are never made. Those of single arrays
    // may come from the heap, and are cleared.
    this.#buffer = new ArrayBuffer(size * bytesPerPosition(parts, shape));
    this.space = new FreeSpace(size);
    let next = 0;
    this.memory = parts.map((part) =>
      Array.from({ length: shape.numLayers }, () => {
        const numBytes = size * partBytes(part);
        const array = new Int8Array(this.#buffer, next, numBytes);
        next += numBytes;
        return toMemory(array);
      }),
    );
  }

  /**
   * Gives the memory back to the system now, and not when garbage is collected, which may be long after the last
   * request: a message that nobody receives takes it along. Views of it are empty from then on.
   */
  release(): void {
    const { port1, port2 } = new MessageChannel();
    port1.postMessage(undefined, [this.#buffer]);
    port1.close();
    port2.close();
  }
}

/**
 * The memory of all keys and values. It gives the lowest free positions, and takes them back, so that pages once made
 * are used again and again. A region of its own holds what is kept for a while when nothing runs; others come as they are needed.
 */
export class KvArena {
  readonly #options: KvArenaOptions;
  readonly #positionBytes: number;
  readonly #regions: KvRegion[] = [];

  constructor(options: KvArenaOptions) {
    this.#options = options;
    this.#positionBytes = bytesPerPosition(options.parts, options.shape);
  }

  /** Memory that the positions written so far take, in bytes. */
  get touchedBytes(): number {
    return this.#regions.reduce((sum, { numTouched }) => sum + numTouched * this.#positionBytes, 0);
  }

  /** Takes so many positions, side by side. */
  take(numPositions: number): Place {
    for (const region of this.#regions) {
      const extent = region.space.take(numPositions);
      if (extent !== undefined) return { region, extent };
    }
    const { maxPositions } = this.#options;
    const size =
      this.#regions.length === 0
        ? Math.min(Math.ceil(KEPT_BYTES / this.#positionBytes), maxPositions)
        : Math.max(maxPositions, numPositions);
    this.#regions.push(new KvRegion(this.#options, size));
    return this.take(numPositions);
  }

  /** Gives the memory of empty regions back to the system, but for what is kept, unless that is to go too. */
  trim({ keepsFirst }: { keepsFirst: boolean }): void {
    for (let i = this.#regions.length - 1; i >= (keepsFirst ? 1 : 0); i--) {
      if (!this.#regions[i]!.space.isWhole) continue;
      for (const region of this.#regions.splice(i, 1)) region.release();
    }
  }
}
