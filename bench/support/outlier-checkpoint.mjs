// Writes a checkpoint that computes the same in f32, but with a few channels much larger than the others, as some trained
// models have them: what a norm gives and what attention's values are is multiplied in every 64th channel, and the weights
// that they meet are divided. So the head has weights of its own.
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoint } from '../../dist/engine/model/checkpoint.js';
import { readTensorValues } from '../../dist/engine/model/tensor-values.js';
import { headWeight } from '../../dist/engine/weights/matrix-format.js';

const EVERY = 64;

/** Makes the folder; returns it. */
export function outlierCheckpoint(source, directory, factor) {
  const { config, weights } = openCheckpoint(source);
  const tensors = new Map([...weights].map(([name, tensor]) => [name, readTensorValues(name, tensor)]));
  const { hiddenSize: e, numLayers } = config;
  tensors.set('lm_head.weight', tensors.get(headWeight(config)).slice());
  const rows = (name, by) => {
    const values = tensors.get(name);
    const width = values.length / e;
    for (let row = 0; row < e; row += EVERY) scale(values, row * width, width, by);
  };
  for (let layer = 0; layer < numLayers; layer++) {
    const prefix = `h.${layer}`;
    // A channel of the values is a column of c_attn behind those of queries and keys, and a row of c_proj.
    for (let row = 0; row <= e; row++) {
      const values = tensors.get(`${prefix}.attn.c_attn.${row < e ? 'weight' : 'bias'}`);
      const start = (row % e) * 3 * e + 2 * e;
      for (let column = 0; column < e; column += EVERY) values[start + column] *= factor;
    }
    rows(`${prefix}.attn.c_proj.weight`, 1 / factor);
    for (const [norm, linear] of [
      ['ln_1', 'attn.c_attn'],
      ['ln_2', 'mlp.c_fc'],
    ]) {
      rows(`${prefix}.${norm}.weight`, factor);
      rows(`${prefix}.${norm}.bias`, factor);
      rows(`${prefix}.${linear}.weight`, 1 / factor);
    }
  }
  for (let row = 0; row < config.vocabSize; row++) {
    for (let column = 0; column < e; column += EVERY)
      tensors.get('lm_head.weight')[row * e + column] /= factor;
  }
  for (const name of ['ln_f.weight', 'ln_f.bias']) rows(name, factor);
  write(
    directory,
    source,
    [...tensors].map(([name, values]) => [
      name,
      (weights.get(name) ?? weights.get('wte.weight')).shape,
      values,
    ]),
  );
  return directory;
}

function scale(values, start, length, by) {
  for (let at = start; at < start + length; at++) values[at] *= by;
}

function write(directory, source, tensors) {
  mkdirSync(directory, { recursive: true });
  const config = JSON.parse(readFileSync(join(source, 'config.json'), 'utf8'));
  writeFileSync(join(directory, 'config.json'), JSON.stringify({ ...config, tie_word_embeddings: false }));
  let offset = 0;
  const header = {};
  for (const [name, shape, { byteLength }] of tensors) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + byteLength] };
    offset += byteLength;
  }
  const json = JSON.stringify(header);
  const text = Buffer.from(json.padEnd(Math.ceil(json.length / 64) * 64));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const fd = openSync(join(directory, 'model.safetensors'), 'w');
  for (const part of [length, text, ...tensors.map(([, , values]) => new Uint8Array(values.buffer))]) {
    writeSync(fd, part);
  }
  closeSync(fd);
}
