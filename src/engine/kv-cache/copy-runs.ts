/** Memory, seen as bytes and as words of four: floats are copied as words, and levels too where they lie so. */
export interface KvMemory {
  readonly bytes: Int8Array;
  readonly words: Int32Array;
}

/** Where in memory runs are: the first one, and how far apart they begin, in bytes. */
export interface Runs {
  readonly memory: KvMemory;
  readonly start: number;
  readonly stride: number;
}

const WORD_BYTES = Int32Array.BYTES_PER_ELEMENT;
/** The longest run for which a loop is faster than to make a view of it. */
const LONGEST_LOOP_WORDS = 64;

/** Sees an array as memory. */
export function toMemory({ buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBufferLike>): KvMemory {
  return {
    bytes: new Int8Array(buffer, byteOffset, byteLength),
    words: new Int32Array(buffer, byteOffset, Math.floor(byteLength / WORD_BYTES)),
  };
}

/** Copies so many runs of so many bytes each. */
export function copyRuns(from: Runs, to: Runs, numRuns: number, numBytes: number): void {
  const sizes = from.start | from.stride | to.start | to.stride | numBytes;
  if (sizes % WORD_BYTES === 0) copyWords(from, to, numRuns, numBytes / WORD_BYTES);
  else copyBytes(from, to, numRuns, numBytes);
}

function copyWords(from: Runs, to: Runs, numRuns: number, length: number): void {
  const [source, target] = [from.memory.words, to.memory.words];
  const [fromStride, toStride] = [from.stride / WORD_BYTES, to.stride / WORD_BYTES];
  let [at, into] = [from.start / WORD_BYTES, to.start / WORD_BYTES];
  for (let run = 0; run < numRuns; run++) {
    if (length > LONGEST_LOOP_WORDS) target.set(source.subarray(at, at + length), into);
    else copyFew(source, at, target, into, length);
    at += fromStride;
    into += toStride;
  }
}

/** Four words in a turn: a block's keys take three quarters of the time. */
function copyFew(source: Int32Array, from: number, target: Int32Array, to: number, length: number): void {
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    target[to + i] = source[from + i]!;
    target[to + i + 1] = source[from + i + 1]!;
    target[to + i + 2] = source[from + i + 2]!;
    target[to + i + 3] = source[from + i + 3]!;
  }
  for (; i < length; i++) target[to + i] = source[from + i]!;
}

/** Byte by byte of all runs, since what is one position of a key lies in as many runs of one byte. */
function copyBytes(from: Runs, to: Runs, numRuns: number, length: number): void {
  const [source, target] = [from.memory.bytes, to.memory.bytes];
  const [fromStride, toStride] = [from.stride, to.stride];
  for (let i = 0; i < length; i++) {
    let [at, into] = [from.start + i, to.start + i];
    for (let run = 0; run < numRuns; run++) {
      target[into] = source[at]!;
      at += fromStride;
      into += toStride;
    }
  }
}
