// Writes a GPT-2 checkpoint in the form that transformers.js runs: one graph for prompt and continuation, the KV cache
// coming in as `past_key_values` and going out, grown, as `present`.
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openCheckpoint } from '../../dist/engine/model/checkpoint.js';
import { readTensorValues } from '../../dist/engine/model/tensor-values.js';
import { OnnxFile } from './onnx-file.mjs';

/** What transformers.js looks for at each precision. */
const FILES = { f32: 'model.onnx', q8: 'model_quantized.onnx' };
const MASKED = -1e9;

/**
 * Writes the model into a folder, beside those of other precisions; at q8 its products are dynamically quantized: weights
 * to 8 bits by column, activations to 8 bits by tensor.
 */
export function writeOnnxExport(folder, directory, precision) {
  const { config, weights } = openCheckpoint(directory);
  mkdirSync(join(folder, 'onnx'), { recursive: true });
  copyFileSync(join(directory, 'config.json'), join(folder, 'config.json'));
  const file = new OnnxFile(join(folder, 'onnx', FILES[precision]));
  const model = {
    file,
    config,
    values: (name) => readTensorValues(name, weights.get(name)),
    quantized: precision === 'q8',
  };
  buildGraph(model);
  file.finish();
}

/** Whether that was done, to its end: the graph comes last. */
export function isExported(folder, precision) {
  return existsSync(join(folder, 'onnx', FILES[precision]));
}

function buildGraph(model) {
  const { file, config, values } = model;
  const { hiddenSize, vocabSize, contextLength, numLayers, tiedEmbedding } = config;
  const ids = file.input('input_ids', 'int64', ['batch', 'new']);
  const mask = file.input('attention_mask', 'int64', ['batch', 'total']);
  const positions = file.input('position_ids', 'int64', ['batch', 'new']);
  const numLogits = file.input('num_logits_to_keep', 'int64', []);
  const table = values('wte.weight');
  const tokens = file.op('Gather', [file.weight('wte', table, [vocabSize, hiddenSize]), ids]);
  const places = file.op('Gather', [
    file.weight('wpe', values('wpe.weight'), [contextLength, hiddenSize]),
    positions,
  ]);
  let hidden = file.op('Add', [tokens, places]);
  const bias = attentionBias(file, ids, mask);
  for (let layer = 0; layer < numLayers; layer++) {
    const at = `h.${layer}`;
    const attended = attention(model, { layer, bias, hidden: norm(model, `${at}.ln_1`, hidden) });
    hidden = file.op('Add', [hidden, attended]);
    const inner = linear(model, `${at}.mlp.c_fc`, norm(model, `${at}.ln_2`, hidden), config.innerSize);
    const active = activate(file, config.activation, inner);
    hidden = file.op('Add', [hidden, linear(model, `${at}.mlp.c_proj`, active, hiddenSize)]);
  }
  // The last n of the new tokens, or all where n is 0.
  const start = file.op('Neg', [file.op('Reshape', [numLogits, file.constant([1])])]);
  const last = file.op('Slice', [hidden, start, file.constant([2 ** 31]), file.constant([1])]);
  const head = transpose(tiedEmbedding ? table : values('lm_head.weight'), [vocabSize, hiddenSize]);
  const logits = product(model, 'lm_head', norm(model, 'ln_f', last), {
    values: head,
    dims: [hiddenSize, vocabSize],
  });
  file.output('logits', logits, ['batch', 'kept', vocabSize]);
}

/** 0 where a token may look, [batch, 1, new, total]: not ahead, and not at padding. */
function attentionBias(file, ids, mask) {
  const [zero, one] = [file.constant([0], []), file.constant([1], [])];
  const lengthOf = (value) => file.op('Gather', [file.op('Shape', [value]), one]);
  const total = lengthOf(mask);
  const past = file.op('Sub', [total, lengthOf(ids)]);
  const keys = file.op('Range', [zero, total, one]);
  const queries = file.op('Unsqueeze', [file.op('Range', [past, total, one]), file.constant([1])]);
  const notAhead = file.op('LessOrEqual', [keys, queries]);
  const notPadding = file.op('Unsqueeze', [file.op('Cast', [mask], { to: 9 }), file.constant([1, 2])]);
  const visible = file.op('And', [notAhead, notPadding]);
  return file.op('Where', [
    visible,
    file.constant(Float32Array.of(0), []),
    file.constant(Float32Array.of(MASKED), []),
  ]);
}

function attention(model, { layer, bias, hidden }) {
  const { file, config } = model;
  const { numHeads, hiddenSize } = config;
  const width = hiddenSize / numHeads;
  const at = `h.${layer}.attn`;
  const projected = linear(model, `${at}.c_attn`, hidden, 3 * hiddenSize);
  const [query, key, value] = file
    .op('Split', [projected], { axis: -1, num_outputs: 3 }, 3)
    .map((part) => file.op('Reshape', [part, file.constant([0, 0, numHeads, width])]))
    .map((part) => file.op('Transpose', [part], { perm: [0, 2, 1, 3] }));
  const grow = (name, rows) => {
    const past = file.input(`past_key_values.${layer}.${name}`, 'float32', [
      'batch',
      numHeads,
      'past',
      width,
    ]);
    const present = file.op('Concat', [past, rows], { axis: 2 });
    file.output(`present.${layer}.${name}`, present, ['batch', numHeads, 'total', width]);
    return present;
  };
  const [keys, allValues] = [grow('key', key), grow('value', value)];
  const scale = file.constant(Float32Array.of(scoreScale(config, layer)), []);
  const scores = file.op('MatMul', [query, file.op('Transpose', [keys], { perm: [0, 1, 3, 2] })]);
  const biased = file.op('Add', [file.op('Mul', [scores, scale]), bias]);
  const mixed = file.op('MatMul', [file.op('Softmax', [biased], { axis: -1 }), allValues]);
  const merged = file.op('Reshape', [
    file.op('Transpose', [mixed], { perm: [0, 2, 1, 3] }),
    file.constant([0, 0, hiddenSize]),
  ]);
  return linear(model, `${at}.c_proj`, merged, hiddenSize);
}

function scoreScale({ scaleAttentionWeights, scaleAttentionByLayer, hiddenSize, numHeads }, layer) {
  const byWidth = scaleAttentionWeights ? 1 / Math.sqrt(hiddenSize / numHeads) : 1;
  return scaleAttentionByLayer ? byWidth / (layer + 1) : byWidth;
}

function activate(file, activation, value) {
  if (activation === 'relu') return file.op('Relu', [value]);
  return file.op('Gelu', [value], { approximate: activation === 'gelu-tanh' ? 'tanh' : 'none' });
}

function linear(model, name, input, outputs) {
  const values = model.values(`${name}.weight`);
  const dims = [values.length / outputs, outputs];
  const bias = model.file.weight(`${name}.bias`, model.values(`${name}.bias`), [outputs]);
  return model.file.op('Add', [product(model, name, input, { values, dims }), bias]);
}

function product({ file, quantized }, name, input, { values, dims }) {
  if (!quantized) return file.op('MatMul', [input, file.weight(name, values, dims)]);
  const { bytes, scales } = quantizeColumns(values, dims);
  const [rows, scale, zero] = file.op('DynamicQuantizeLinear', [input], {}, 3);
  const weight = file.weight(name, bytes, dims);
  const zeros = file.constant(new Int8Array(dims[1]));
  const sums = file.op('Cast', [file.op('MatMulInteger', [rows, weight, zero, zeros])], { to: 1 });
  return file.op('Mul', [sums, file.op('Mul', [scale, file.weight(`${name}.scales`, scales, [dims[1]])])]);
}

function norm({ file, config, values }, name, input) {
  const [scale, bias] = ['weight', 'bias'].map((part) => {
    const array = values(`${name}.${part}`);
    return file.weight(`${name}.${part}`, array, [array.length]);
  });
  return file.op('LayerNormalization', [input, scale, bias], {
    axis: -1,
    epsilon: { float: config.layerNormEpsilon },
  });
}

function quantizeColumns(values, [rows, columns]) {
  const scales = new Float32Array(columns);
  for (let at = 0; at < values.length; at++) {
    const column = at % columns;
    scales[column] = Math.max(scales[column], Math.abs(values[at]) / 127);
  }
  const bytes = new Int8Array(rows * columns);
  for (let at = 0; at < values.length; at++) bytes[at] = Math.round(values[at] / (scales[at % columns] || 1));
  return { bytes, scales };
}

function transpose(values, [rows, columns]) {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = values[row * columns + column];
  }
  return result;
}
