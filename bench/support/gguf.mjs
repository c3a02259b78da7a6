// Writes a GPT-2 checkpoint as GGUF, the file format of llama.cpp: f32, Q8_0 or Q4_0.
import { closeSync, openSync, renameSync, writeSync } from 'node:fs';
import { openCheckpoint } from '../../dist/engine/model/checkpoint.js';
import { readTensorValues } from '../../dist/engine/model/tensor-values.js';
import { END_OF_TEXT_ID } from '../../dist/engine/text/token-bytes.js';
import { toQ4, toQ8 } from './ggml-blocks.mjs';
import { loadGpt2Vocabulary } from './gpt2-vocabulary.mjs';

const ALIGNMENT = 32;
const [UINT32, INT32, FLOAT32, STRING, ARRAY] = [4, 5, 6, 8, 9];
/** GGML's number of a tensor's type, the number of the file's type, and how values become bytes. */
const FORMATS = {
  f32: { type: 0, fileType: 0, toBytes: (values) => new Uint8Array(values.buffer) },
  q8: { type: 8, fileType: 7, toBytes: toQ8 },
  q4: { type: 2, fileType: 2, toBytes: toQ4 },
};

/** Writes the file; at q8 and q4 all matrices but the position embeddings are quantized, as the engine does it. */
export async function writeGguf(path, directory, precision) {
  const { config, weights } = openCheckpoint(directory);
  if (config.hiddenSize % 32 !== 0) throw new Error('GGML quantizes in blocks of 32 weights.');
  const tensors = listTensors(config, weights, FORMATS[precision]);
  const metadata = await metadataOf(config, FORMATS[precision]);
  let offset = 0;
  const infos = tensors.map(({ name, dims, format, load }) => {
    const info = [
      string(name),
      uint32(dims.length),
      ...dims.map(uint64),
      uint32(format.type),
      uint64(offset),
    ];
    const size = format.toBytes === FORMATS.f32.toBytes ? 4 : format.toBytes.bytesPerBlock / 32;
    offset += padded(dims.reduce((product, dim) => product * dim, 1) * size);
    return { bytes: Buffer.concat(info), load, format };
  });
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    uint32(3),
    uint64(tensors.length),
    uint64(metadata.length),
    ...metadata,
    ...infos.map(({ bytes }) => bytes),
  ]);
  const file = openSync(`${path}.part`, 'w');
  writePadded(file, head);
  for (const { load, format } of infos) writePadded(file, format.toBytes(load()));
  closeSync(file);
  renameSync(`${path}.part`, path);
}

/** llama.cpp's names; its dimensions are listed from the innermost one, and its matrices are [outputs, inputs]. */
function listTensors(config, weights, format) {
  const { numLayers, hiddenSize: e, innerSize, vocabSize, contextLength, tiedEmbedding } = config;
  const values = (name) => () => readTensorValues(name, weights.get(name));
  const plain = (name, dims, source) => ({ name, dims, format: FORMATS.f32, load: values(source) });
  const table = (name, source) => ({ name, dims: [e, vocabSize], format, load: values(source) });
  const both = (name, source, dims) =>
    ['weight', 'bias'].map((part) => plain(`${name}.${part}`, dims, `${source}.${part}`));
  const linear = (name, source, [inputs, outputs]) => [
    {
      name: `${name}.weight`,
      dims: [inputs, outputs],
      format,
      load: () => transpose(values(`${source}.weight`)(), [inputs, outputs]),
    },
    plain(`${name}.bias`, [outputs], `${source}.bias`),
  ];
  return [
    table('token_embd.weight', 'wte.weight'),
    plain('position_embd.weight', [e, contextLength], 'wpe.weight'),
    ...both('output_norm', 'ln_f', [e]),
    ...(tiedEmbedding ? [] : [table('output.weight', 'lm_head.weight')]),
    ...Array.from({ length: numLayers }, (_, layer) => [
      ...both(`blk.${layer}.attn_norm`, `h.${layer}.ln_1`, [e]),
      ...linear(`blk.${layer}.attn_qkv`, `h.${layer}.attn.c_attn`, [e, 3 * e]),
      ...linear(`blk.${layer}.attn_output`, `h.${layer}.attn.c_proj`, [e, e]),
      ...both(`blk.${layer}.ffn_norm`, `h.${layer}.ln_2`, [e]),
      ...linear(`blk.${layer}.ffn_up`, `h.${layer}.mlp.c_fc`, [e, innerSize]),
      ...linear(`blk.${layer}.ffn_down`, `h.${layer}.mlp.c_proj`, [innerSize, e]),
    ]).flat(),
  ];
}

async function metadataOf(config, { fileType }) {
  const { tokens, merges } = await loadGpt2Vocabulary();
  const types = tokens.map((_, id) => (id === END_OF_TEXT_ID ? 3 : 1)); // control, normal
  return [
    pair('general.architecture', STRING, string('gpt2')),
    pair('general.file_type', UINT32, uint32(fileType)),
    pair('gpt2.context_length', UINT32, uint32(config.contextLength)),
    pair('gpt2.embedding_length', UINT32, uint32(config.hiddenSize)),
    pair('gpt2.feed_forward_length', UINT32, uint32(config.innerSize)),
    pair('gpt2.block_count', UINT32, uint32(config.numLayers)),
    pair('gpt2.attention.head_count', UINT32, uint32(config.numHeads)),
    pair('gpt2.attention.layer_norm_epsilon', FLOAT32, float32(config.layerNormEpsilon)),
    pair('tokenizer.ggml.model', STRING, string('gpt2')),
    pair('tokenizer.ggml.pre', STRING, string('gpt-2')),
    pair('tokenizer.ggml.tokens', ARRAY, array(STRING, tokens.map(string))),
    pair('tokenizer.ggml.token_type', ARRAY, array(INT32, types.map(uint32))),
    pair('tokenizer.ggml.merges', ARRAY, array(STRING, merges.map(string))),
    pair('tokenizer.ggml.bos_token_id', UINT32, uint32(END_OF_TEXT_ID)),
    pair('tokenizer.ggml.eos_token_id', UINT32, uint32(END_OF_TEXT_ID)),
  ];
}

function transpose(values, [rows, columns]) {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = values[row * columns + column];
  }
  return result;
}

function writePadded(file, bytes) {
  writeSync(file, bytes);
  writeSync(file, Buffer.alloc(padded(bytes.length) - bytes.length));
}

function padded(length) {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

function pair(key, type, value) {
  return Buffer.concat([string(key), uint32(type), value]);
}

function array(type, items) {
  return Buffer.concat([uint32(type), uint64(items.length), ...items]);
}

function string(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([uint64(bytes.length), bytes]);
}

function uint32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function float32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}
