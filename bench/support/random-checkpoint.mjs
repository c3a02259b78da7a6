// Writes a GPT-2 checkpoint of a known shape with random weights: time and memory do not depend on what a model has
// learnt, so speed can be measured where no download is possible.
import { closeSync, existsSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** The shapes of the published models. */
const SHAPES = {
  gpt2: { n_layer: 12, n_head: 12, n_embd: 768 },
  'gpt2-medium': { n_layer: 24, n_head: 16, n_embd: 1024 },
  'gpt2-large': { n_layer: 36, n_head: 20, n_embd: 1280 },
  'gpt2-xl': { n_layer: 48, n_head: 25, n_embd: 1600 },
  distilgpt2: { n_layer: 6, n_head: 12, n_embd: 768 },
};

/**
 * Makes the folder unless it is there; returns it.
 *
 * @param withMasks adds the attention masks that the published files have; nobody reads them, and gpt2 has 548 MB then
 */
export function randomCheckpoint(directory, shape = 'gpt2', { withMasks = false } = {}) {
  if (existsSync(join(directory, 'config.json'))) return directory;
  mkdirSync(directory, { recursive: true });
  const { n_layer, n_head, n_embd: e } = SHAPES[shape];
  const [v, c] = [50_257, 1_024];
  const tensors = [
    ['wte.weight', [v, e]],
    ['wpe.weight', [c, e]],
    ['ln_f.weight', [e]],
    ['ln_f.bias', [e]],
  ];
  for (let i = 0; i < n_layer; i++) {
    const add = (name, ...dims) => tensors.push([`h.${i}.${name}`, dims]);
    if (withMasks) add('attn.bias', 1, 1, c, c);
    for (const norm of ['ln_1', 'ln_2']) {
      add(`${norm}.weight`, e);
      add(`${norm}.bias`, e);
    }
    for (const [name, inputs, outputs] of [
      ['attn.c_attn', e, 3 * e],
      ['attn.c_proj', e, e],
      ['mlp.c_fc', e, 4 * e],
      ['mlp.c_proj', 4 * e, e],
    ]) {
      add(`${name}.weight`, inputs, outputs);
      add(`${name}.bias`, outputs);
    }
  }
  writeSafetensors(join(directory, 'model.safetensors'), tensors);
  const config = {
    model_type: 'gpt2',
    ...{ n_layer, n_head, n_embd: e, n_positions: c, vocab_size: v },
    ...{ layer_norm_epsilon: 1e-5, activation_function: 'gelu_new', eos_token_id: 50_256 },
  };
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config, null, 2));
  return directory;
}

function writeSafetensors(path, tensors) {
  let offset = 0;
  const header = {};
  for (const [name, shape] of tensors) {
    const bytes = 4 * shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  let json = JSON.stringify(header);
  json = json.padEnd(Math.ceil(json.length / 8) * 8);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(json.length));
  const fd = openSync(`${path}.part`, 'w');
  writeSync(fd, prefix);
  writeSync(fd, json);
  const random = xorshift(0x2545f491);
  for (const [name, shape] of tensors) {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    // A norm's gain is near 1; everything else has GPT-2's initial spread.
    const centre = /ln_.*weight/.test(name) ? 1 : 0;
    for (let i = 0; i < values.length; i++) values[i] = centre + (random() - 0.5) * 0.07;
    writeSync(fd, values);
  }
  closeSync(fd);
  renameSync(`${path}.part`, path);
}

function xorshift(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
