import { closeSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import type { TokenTable } from '../weights/token-table.js';
import type { Checkpoint } from './checkpoint.js';
import { readTensorValues } from './tensor-values.js';

/**
 * What tokens are to the first layer: the embedding of each and that of its position, added.
 *
 * Those of tokens are read from their file one by one, a few microseconds each, and stay in the system's file cache. A
 * graph that looked them up would keep the whole table mapped: 38 MB of the 124M shape at 8 bits, 154 at f32.
 */
export class InputEmbeddings {
  readonly #table: TokenTable;
  readonly #fd: number;
  /** f32 [context, E]. */
  readonly #positions: Float32Array;
  /** A token's row as it is stored, and its numbers, f32 [E]. */
  readonly #bytes: Uint8Array;
  readonly #token: Float32Array;

  constructor(table: TokenTable, weights: Checkpoint['weights']) {
    const positions = weights.get('wpe.weight')!;
    this.#table = table;
    this.#positions = readTensorValues('wpe.weight', positions);
    this.#bytes = new Uint8Array(table.rows.byteLength / table.rows.shape[0]!);
    this.#token = new Float32Array(positions.shape[1]!);
    this.#fd = openSync(table.rows.file, 'r');
  }

  /**
   * Writes what a token is at a position into a row of f32 [rows, E].
   *
   * @throws Error where the file has become shorter than it was.
   */
  write(rows: Float32Array, row: number, { tokenId, position }: { tokenId: number; position: number }): void {
    const { file, byteOffset } = this.#table.rows;
    const [bytes, token, positions] = [this.#bytes, this.#token, this.#positions];
    const count = readSync(this.#fd, bytes, 0, bytes.length, byteOffset + tokenId * bytes.length);
    if (count < bytes.length) throw new Error(`${basename(file)} was cut off while the model was in use.`);
    this.#table.decode(bytes, tokenId, token);
    const width = token.length;
    for (let i = 0; i < width; i++) rows[row * width + i] = token[i]! + positions[position * width + i]!;
  }

  /** Closes the file. */
  close(): void {
    closeSync(this.#fd);
  }
}
