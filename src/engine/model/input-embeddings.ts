import { closeSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import type { Checkpoint } from './checkpoint.js';
import type { StoredTensor } from './safetensors.js';
import { createDecoder, readTensorValues } from './tensor-values.js';

/**
 * What tokens are to the first layer: the embedding of each and that of its position, added.
 *
 * Those of tokens are read from their file one by one, a few microseconds each, and stay in the system's file cache. A
 * graph that looked them up would keep the whole table mapped: 38 MB of the 124M shape at 8 bits, 154 at f32.
 */
export class InputEmbeddings {
  /** The checkpoint's own, whatever it is multiplied with: f32, f16 or bf16 [vocabulary, E]. */
  readonly #table: StoredTensor;
  readonly #fd: number;
  /** f32 [context, E]. */
  readonly #positions: Float32Array;
  /** A token's row as it is stored, and how it becomes numbers. */
  readonly #bytes: Uint8Array;
  readonly #decode: () => Float32Array;

  constructor(weights: Checkpoint['weights']) {
    const table = weights.get('wte.weight')!;
    const positions = weights.get('wpe.weight')!;
    this.#table = table;
    this.#positions = readTensorValues('wpe.weight', positions);
    this.#bytes = new Uint8Array(table.byteLength / table.shape[0]!);
    this.#decode = createDecoder(table.dtype, this.#bytes.buffer);
    this.#fd = openSync(table.file, 'r');
  }

  /**
   * Writes what a token is at a position into a row of f32 [rows, E].
   *
   * @throws Error where the file has become shorter than it was.
   */
  write(rows: Float32Array, row: number, { tokenId, position }: { tokenId: number; position: number }): void {
    const { file, byteOffset } = this.#table;
    const [bytes, positions] = [this.#bytes, this.#positions];
    const count = readSync(this.#fd, bytes, 0, bytes.length, byteOffset + tokenId * bytes.length);
    if (count < bytes.length) throw new Error(`${basename(file)} was cut off while the model was in use.`);
    const token = this.#decode();
    const width = token.length;
    for (let i = 0; i < width; i++) rows[row * width + i] = token[i]! + positions[position * width + i]!;
  }

  /** Closes the file. */
  close(): void {
    closeSync(this.#fd);
  }
}
