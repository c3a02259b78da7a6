import { ROW_KERNELS } from './gen/row-kernels.js';

/** Logits a block. The larger they are, the more darts miss; the smaller, the more of them there are to look at. */
export const BLOCK_SIZE = 128;

/** The loops of row-kernels.wat. A threshold is rounded to single precision, as a logit is. */
interface Kernels {
  /** Notes each block's maximum, and returns that of the row, or NaN if it has one. */
  scan(): number;
  /** Returns how many logits reach the threshold; minus infinity is reached by the padding too. */
  count(threshold: number): number;
  /** Lists the places of the logits in [low, high), and returns how many they are. */
  list(low: number, high: number): number;
  /** Makes weights of the logits, 2^-((maximum - logit) * scale), and returns their sum. */
  weigh(maximum: number, scale: number): number;
  /**
   * Keeps the logits that exceed `least`, and those equal to it at places up to `last`; the others become minus infinity.
   * Notes each block's maximum, and returns what the kept ones weigh, where they have been weighed.
   */
  keep(least: number, last: number): number;
}

/** A row of logits in the memory of the loops that work on it, and what they make of it. */
export interface RowKernels extends Kernels {
  /** The row: whoever wants something of one copies it here. */
  readonly logits: Float32Array;
  /** The greatest logit of each block of {@link BLOCK_SIZE}. */
  readonly maxima: Float32Array;
  /** What was listed, in ascending order. */
  readonly places: Int32Array;
}

// Of WebAssembly's types, which neither Node's nor ECMAScript's have, what is used here.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
};

const PAGE_SIZE = 65_536;
const VECTOR_SIZE = 16;
const ORDERS_SIZE = 16 * VECTOR_SIZE;
const MODULE = new WebAssembly.Module(Buffer.from(ROW_KERNELS, 'base64'));

/** Makes room for rows of this many logits, at least 1: 12 bytes for each. */
export function createRowKernels(size: number): RowKernels {
  const numBlocks = Math.ceil(size / BLOCK_SIZE);
  const end = numBlocks * BLOCK_SIZE * Float32Array.BYTES_PER_ELEMENT;
  const maxima = 2 * end;
  const orders = maxima + numBlocks * Float32Array.BYTES_PER_ELEMENT;
  const places = orders + ORDERS_SIZE;
  const memory = new WebAssembly.Memory({ initial: Math.ceil((places + end + VECTOR_SIZE) / PAGE_SIZE) });
  const { exports } = new WebAssembly.Instance(MODULE, {
    row: { memory, end, weights: end, maxima, orders, places },
  });
  new Float32Array(memory.buffer, 0, numBlocks * BLOCK_SIZE).fill(-Infinity);
  return {
    ...(exports as Kernels),
    logits: new Float32Array(memory.buffer, 0, size),
    maxima: new Float32Array(memory.buffer, maxima, numBlocks),
    places: new Int32Array(memory.buffer, places, numBlocks * BLOCK_SIZE),
  };
}
