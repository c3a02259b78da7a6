import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fixtureCheckpoint } from './fixtures.js';

const POSITIONS = 'transformer.wpe.weight';

/** A copy of the small checkpoint that has GPT-2's vocabulary, for a test to change. */
export class CheckpointCopy {
  readonly directory: string;

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'linnet-checkpoint-'));
    cpSync(fixtureCheckpoint('real-vocab'), this.directory, { recursive: true });
  }

  get configPath(): string {
    return join(this.directory, 'config.json');
  }

  get weightsPath(): string {
    return join(this.directory, 'model.safetensors');
  }

  /** Makes its context longer, by a whole factor: its positions' embeddings over and over again. */
  lengthen(factor: number): this {
    const config = JSON.parse(readFileSync(this.configPath, 'utf8'));
    writeFileSync(this.configPath, JSON.stringify({ ...config, n_positions: config.n_positions * factor }));
    const bytes = readFileSync(this.weightsPath);
    const dataStart = 8 + Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.toString('utf8', 8, dataStart));
    const { shape, data_offsets: offsets } = header[POSITIONS];
    const rows = bytes.subarray(dataStart + offsets[0], dataStart + offsets[1]);
    const added = Buffer.concat(Array(factor).fill(rows));
    // To the end, so that nothing else moves. What was there stays, unused; the format wants no gaps, so a name covers it.
    header['unused'] = { ...header[POSITIONS] };
    const end = bytes.length - dataStart;
    header[POSITIONS].shape = [shape[0] * factor, shape[1]];
    header[POSITIONS].data_offsets = [end, end + added.length];
    const json = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    writeFileSync(this.weightsPath, Buffer.concat([length, json, bytes.subarray(dataStart), added]));
    return this;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true });
  }
}
