import type { Checkpoint } from './checkpoint.js';
import type { Activation, Gpt2Config } from './gpt2-config.js';
import { GraphBuilder, type Value } from './graph-builder.js';

/**
 * Writes the ONNX graph of one step of a GPT-2 (Radford et al., 2019) over B sequences of S new tokens each, with the
 * KV cache as inputs.
 *
 * Inputs (H heads of width D, P past positions; P is the same for all rows and what a row has less is masked):
 * - `input_ids` int32 [B, S], `position_ids` int32 [B, S]
 * - `attention_bias` f32 [B, 1, S, P + S]: 0 where a token may look, else a large negative number
 * - `split` int64 [2]: P and S
 * - `logit_rows` int32 [R]: which of the B * S tokens get logits
 * - `past_key_i`, `past_value_i` f32 [B, H, P, D] for each layer i
 *
 * Outputs:
 * - `logits` f32 [R, vocabulary]
 * - `new_kv` f32 [L * 2 * B, H, S, D]: the new keys and values, at (layer * 2 + isValue) * B + row
 *
 * The cache is never an output: onnxruntime-node copies every output that it returns. The new rows leave in one
 * piece, and the caller appends them.
 */
export function buildGpt2Graph({ config, weights }: Checkpoint): Uint8Array {
  const graph = new GraphBuilder();
  const weight = (name: string): Value => {
    const tensor = weights.get(name);
    if (tensor === undefined)
      throw new Error(`The graph uses "${name}", which the checkpoint does not check.`);
    return graph.stored(name, tensor);
  };
  const context: GraphContext = {
    graph,
    config,
    weight,
    attentionBias: graph.input('attention_bias', 'float32', ['B', 1, 'S', 'P+S']),
    split: graph.input('split', 'int64', [2]),
    splitHeads: graph.ints([0, 0, config.numHeads, config.hiddenSize / config.numHeads]),
    mergeHeads: graph.ints([0, 0, config.hiddenSize]),
  };

  const tokenEmbedding = weight('wte.weight');
  const tokens = graph.op('Gather', [tokenEmbedding, graph.input('input_ids', 'int32', ['B', 'S'])]);
  const positions = graph.op('Gather', [
    weight('wpe.weight'),
    graph.input('position_ids', 'int32', ['B', 'S']),
  ]);
  let hidden = graph.op('Add', [tokens, positions]); // [B, S, E]
  const newKv: Value[] = [];
  for (let layer = 0; layer < config.numLayers; layer++) {
    const attended = attention(context, layer, layerNorm(context, `h.${layer}.ln_1`, hidden), newKv);
    hidden = graph.op('Add', [hidden, attended]);
    hidden = graph.op('Add', [hidden, mlp(context, layer, layerNorm(context, `h.${layer}.ln_2`, hidden))]);
  }
  const rows = graph.op('Gather', [
    graph.op('Reshape', [hidden, graph.ints([-1, config.hiddenSize])]),
    graph.input('logit_rows', 'int32', ['R']),
  ]); // [R, E]
  const head = config.tiedEmbedding ? tokenEmbedding : weight('lm_head.weight');
  const [logits] = graph.contrib('FusedMatMul', [layerNorm(context, 'ln_f', rows), head], { transB: 1 });
  graph.output('logits', logits!, 'float32', ['R', config.vocabSize]);
  const headShape = [config.numHeads, 'S', config.hiddenSize / config.numHeads];
  graph.output('new_kv', graph.op('Concat', newKv, { axis: 0 }), 'float32', ['L*2*B', ...headShape]);
  return graph.toModel();
}

interface GraphContext {
  readonly graph: GraphBuilder;
  readonly config: Gpt2Config;
  readonly weight: (name: string) => Value;
  readonly attentionBias: Value;
  readonly split: Value;
  readonly splitHeads: Value;
  readonly mergeHeads: Value;
}

/** Causal self-attention over the past and the new tokens: [B, S, E] -> [B, S, E]. Appends the new K and V. */
function attention(context: GraphContext, layer: number, hidden: Value, newKv: Value[]): Value {
  const { graph, config, split } = context;
  const headWidth = config.hiddenSize / config.numHeads;
  const past = ['B', config.numHeads, 'P', headWidth];
  const pastKey = graph.input(`past_key_${layer}`, 'float32', past);
  const pastValue = graph.input(`past_value_${layer}`, 'float32', past);

  const qkv = linear(context, `h.${layer}.attn.c_attn`, hidden);
  const [query, key, value] = graph
    .ops('Split', [qkv], 3, { axis: -1, num_outputs: 3 })
    .map((part) => toHeads(context, part)) as [Value, Value, Value]; // each [B, H, S, D]
  newKv.push(key, value);

  const attributes = { transB: 1, alpha: { float: attentionScale(config, layer) } };
  const [pastScores] = graph.contrib('FusedMatMul', [query, pastKey], attributes); // [B, H, S, P]
  const [newScores] = graph.contrib('FusedMatMul', [query, key], attributes); // [B, H, S, S]
  const scores = graph.op('Concat', [pastScores!, newScores!], { axis: -1 });
  const probabilities = graph.op('Softmax', [graph.op('Add', [scores, context.attentionBias])], { axis: -1 });
  const [onPast, onNew] = graph.ops('Split', [probabilities, split], 2, { axis: -1 }) as [Value, Value];
  const attended = graph.op('Add', [
    graph.op('MatMul', [onPast, pastValue]),
    graph.op('MatMul', [onNew, value]),
  ]); // [B, H, S, D]
  const merged = graph.op('Reshape', [
    graph.op('Transpose', [attended], { perm: [0, 2, 1, 3] }),
    context.mergeHeads,
  ]);
  return linear(context, `h.${layer}.attn.c_proj`, merged);
}

/** The two-layer perceptron: [B, S, E] -> [B, S, E]. */
function mlp(context: GraphContext, layer: number, hidden: Value): Value {
  const inner = linear(context, `h.${layer}.mlp.c_fc`, hidden);
  return linear(context, `h.${layer}.mlp.c_proj`, activate(context.graph, context.config.activation, inner));
}

function activate(graph: GraphBuilder, activation: Activation, value: Value): Value {
  if (activation === 'relu') return graph.op('Relu', [value]);
  return graph.op('Gelu', [value], { approximate: activation === 'gelu-tanh' ? 'tanh' : 'none' });
}

function linear({ graph, weight }: GraphContext, name: string, input: Value): Value {
  return graph.op('Add', [graph.op('MatMul', [input, weight(`${name}.weight`)]), weight(`${name}.bias`)]);
}

function layerNorm({ graph, config, weight }: GraphContext, name: string, input: Value): Value {
  return graph.op('LayerNormalization', [input, weight(`${name}.weight`), weight(`${name}.bias`)], {
    axis: -1,
    epsilon: { float: config.layerNormEpsilon },
  });
}

function toHeads({ graph, splitHeads }: GraphContext, value: Value): Value {
  return graph.op('Transpose', [graph.op('Reshape', [value, splitHeads])], { perm: [0, 2, 1, 3] });
}

function attentionScale(config: Gpt2Config, layer: number): number {
  const byWidth = config.scaleAttentionWeights ? 1 / Math.sqrt(config.hiddenSize / config.numHeads) : 1;
  return config.scaleAttentionByLayer ? byWidth / (layer + 1) : byWidth;
}
