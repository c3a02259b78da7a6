/**
 * The tokens of a row that a choice looks at, by their places in the order of ids: those that reach a threshold, packed,
 * so that what follows takes time for them alone, or all of them, where they are. Reads the row until the next call.
 */
export class Candidates {
  readonly #ids: Int32Array;
  readonly #packed: Float32Array;
  #logits: Float32Array;
  #isPacked = false;

  constructor(vocabSize: number) {
    this.#ids = new Int32Array(vocabSize + 1);
    this.#packed = new Float32Array(vocabSize);
    this.#logits = this.#packed;
  }

  /** The candidates' logits. */
  get logits(): Float32Array {
    return this.#logits;
  }

  /** The token at a place. */
  id(place: number): number {
    return this.#isPacked ? this.#ids[place]! : place;
  }

  /** Takes all tokens of a row. */
  takeAll(row: Float32Array): void {
    this.#logits = row;
    this.#isPacked = false;
  }

  /** Takes the tokens that reach the threshold, and returns how many they are. */
  takeReaching(threshold: number, row: Float32Array): number {
    const ids = this.#ids;
    const packed = this.#packed;
    let size = 0;
    const numOdd = row.length % 4;
    // Every token is written, and overwritten unless it counts: a branch for each would often be mispredicted.
    for (let id = 0; id < numOdd; id += 1) {
      ids[size] = id;
      size += Number(row[id]! >= threshold);
    }
    for (let id = numOdd; id < row.length; id += 4) {
      ids[size] = id;
      size += Number(row[id]! >= threshold);
      ids[size] = id + 1;
      size += Number(row[id + 1]! >= threshold);
      ids[size] = id + 2;
      size += Number(row[id + 2]! >= threshold);
      ids[size] = id + 3;
      size += Number(row[id + 3]! >= threshold);
    }
    for (let place = 0; place < size; place += 1) packed[place] = row[ids[place]!]!;
    this.#logits = packed.subarray(0, size);
    this.#isPacked = true;
    return size;
  }
}
