import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fixtureCheckpoint } from './fixtures.js';

/** A tensor of a checkpoint, as its file has it. */
interface StoredTensor {
  readonly shape: readonly [number, number];
  readonly data: Buffer;
}

/** A copy of a checkpoint, for a test to change. */
export class CheckpointCopy {
  readonly directory: string;

  /** @param fixture Default: the small one that has GPT-2's vocabulary. */
  constructor(fixture = 'real-vocab') {
    this.directory = mkdtempSync(join(tmpdir(), 'linnet-checkpoint-'));
    cpSync(fixtureCheckpoint(fixture), this.directory, { recursive: true });
  }

  get configPath(): string {
    return join(this.directory, 'config.json');
  }

  get weightsPath(): string {
    return join(this.directory, 'model.safetensors');
  }

  /** Makes its context longer, by a whole factor: its positions' embeddings over and over again. */
  lengthen(factor: number): this {
    this.#changeConfig((config) => ({ ...config, n_positions: Number(config['n_positions']) * factor }));
    this.#replace('transformer.wpe.weight', ({ shape: [rows, width], data }) => ({
      shape: [rows * factor, width],
      data: Buffer.concat(Array(factor).fill(data)),
    }));
    return this;
  }

  /** Makes its vocabulary larger, by tokens that are nothing: their logits are 0. */
  padVocabulary(size: number): this {
    this.#changeConfig((config) => ({ ...config, vocab_size: size }));
    for (const name of ['transformer.wte.weight', 'lm_head.weight']) {
      this.#replace(name, ({ shape: [rows, width], data }) => ({
        shape: [size, width],
        data: Buffer.concat([data, Buffer.alloc((data.length / rows) * (size - rows))]),
      }));
    }
    return this;
  }

  /** Overwrites the last number of a tensor. */
  setLast(name: string, number: Uint8Array): this {
    this.#replace(name, ({ shape, data }) => ({
      shape,
      data: Buffer.concat([data.subarray(0, -number.length), number]),
    }));
    return this;
  }

  #changeConfig(change: (config: Record<string, unknown>) => object): void {
    writeFileSync(this.configPath, JSON.stringify(change(JSON.parse(readFileSync(this.configPath, 'utf8')))));
  }

  /** Puts another tensor in the place of one, where there is one of this name. */
  #replace(name: string, change: (tensor: StoredTensor) => StoredTensor): void {
    const bytes = readFileSync(this.weightsPath);
    const dataStart = 8 + Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.toString('utf8', 8, dataStart));
    if (header[name] === undefined) return;
    const { shape, data_offsets: offsets } = header[name];
    const data = bytes.subarray(dataStart + offsets[0], dataStart + offsets[1]);
    const changed = change({ shape, data });
    // To the end, so that nothing else moves. What was there stays, unused; the format wants no gaps, so a name covers it.
    header[`unused.${name}`] = { ...header[name] };
    const end = bytes.length - dataStart;
    header[name].shape = changed.shape;
    header[name].data_offsets = [end, end + changed.data.length];
    const json = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    writeFileSync(this.weightsPath, Buffer.concat([length, json, bytes.subarray(dataStart), changed.data]));
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}
