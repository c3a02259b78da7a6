import {
  appendFileSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { openCheckpoint } from '../../../src/engine/model/checkpoint.js';
import { blockFormat } from '../../../src/engine/weights/block-format.js';
import { INTEGER_FORMAT } from '../../../src/engine/weights/integer-format.js';
import { openWeights } from '../../../src/engine/weights/quantized-cache.js';
import { CheckpointCopy } from '../../support/checkpoint-copy.js';
import { fixtureCheckpoint } from '../../support/fixtures.js';

const FORMAT = blockFormat({ bits: 8, blockSize: 16 });

describe('the cache of quantized weights', () => {
  let directory: string;
  let shares: number[];
  const checkpoint = openCheckpoint(fixtureCheckpoint('base'));

  beforeEach(() => {
    directory = join(mkdtempSync(join(tmpdir(), 'linnet-')), 'cache');
    shares = [];
  });
  afterEach(() => rmSync(join(directory, '..'), { recursive: true }));

  function open(format = FORMAT) {
    return openWeights(checkpoint, format, { directory, onProgress: (share) => shares.push(share) });
  }

  function cachedFile(): string {
    const [file] = readdirSync(directory);
    return join(directory, file!);
  }

  it('quantizes once, tells how far it is, and leaves nothing half-done', () => {
    open();
    expect(shares.at(-1)).toBe(1);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    const { mtimeMs } = statSync(cachedFile());
    shares = [];
    open();
    expect(shares).toEqual([]);
    expect(statSync(cachedFile()).mtimeMs).toBe(mtimeMs);
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it('keeps formats apart', () => {
    open();
    open(blockFormat({ bits: 8, blockSize: 32 }));
    open(blockFormat({ bits: 4, blockSize: 16 }));
    open(INTEGER_FORMAT);
    expect(readdirSync(directory)).toHaveLength(4);
  });

  it.each([
    ['a byte in the middle is flipped', (path: string) => overwrite(path, statSync(path).size >> 1)],
    ['a byte of the header is flipped', (path: string) => overwrite(path, 300)],
    ['the checksum is gone', (path: string) => overwrite(path, readFileSync(path).indexOf('crc32'))],
    ['something is appended', (path: string) => appendFileSync(path, 'x')],
  ])('rebuilds the file when %s', (_, damage) => {
    open();
    const intact = readFileSync(cachedFile());
    damage(cachedFile());
    open();
    expect(shares.filter((share) => share === 1)).toHaveLength(2);
    expect(readFileSync(cachedFile()).equals(intact)).toBe(true);
  });

  it.each([
    ['base', 'wte.weight', 'NaN', '0000c07f'],
    ['base', 'h.1.attn.c_proj.weight', 'Infinity', '0000807f'],
    ['f16', 'h.0.ln_2.bias', '-Infinity', '00fc'],
    ['f16', 'h.1.mlp.c_fc.bias', 'NaN', '007e'],
  ])('refuses a checkpoint (%s) of which %s has %s, in any format', (fixture, name, number, bytes) => {
    const copy = new CheckpointCopy(fixture).setLast(`transformer.${name}`, Buffer.from(bytes, 'hex'));
    onTestFinished(() => copy.remove());
    const formats = [FORMAT, blockFormat({ bits: 4, blockSize: 16 }), INTEGER_FORMAT];
    for (const format of formats) {
      const options = { directory, onProgress: () => {} };
      expect(() => openWeights(openCheckpoint(copy.directory), format, options)).toThrow(
        expect.objectContaining({
          reason: 'MODEL_LOAD_FAILED',
          message: `tensor "${name}" has ${number} among its numbers; weights must be finite.`,
        }),
      );
      expect(readdirSync(directory)).toEqual([]);
    }
  });

  it('says which folder it could not write, and why', () => {
    // Below a file; below /proc, Node's recursive mkdir would never return.
    const nowhere = join(fixtureCheckpoint('base'), 'config.json', 'cache');
    const options = { directory: nowhere, onProgress: () => {} };
    expect(() => openWeights(checkpoint, FORMAT, options)).toThrow(
      /can't be kept in \S+config\.json\/cache: ENOTDIR/,
    );
  });
});

function overwrite(path: string, position: number): void {
  const fd = openSync(path, 'r+');
  const [byte] = readFileSync(path).subarray(position, position + 1);
  writeSync(fd, Uint8Array.of(byte! ^ 1), 0, 1, position);
}
