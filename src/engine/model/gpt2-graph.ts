import type { MatrixFormat, MatrixProducts, ModelGraph } from '../weights/matrix-format.js';
import type { Activation, Gpt2Config } from './gpt2-config.js';
import { GraphBuilder, type Value } from './graph-builder.js';
import { folderOf, type StoredTensor } from './safetensors.js';

/** Changes whenever the graph computes the same in another way, so that bits may differ. */
export const GRAPH_VERSION = 2;

/** The weights that a graph multiplies with. */
export interface GraphWeights {
  readonly config: Gpt2Config;
  /** By the names of a checkpoint, or of what the format makes of it. */
  readonly weights: ReadonlyMap<string, StoredTensor>;
  readonly format: MatrixFormat;
}

/**
 * Writes the ONNX graph of one step of a GPT-2 (Radford et al., 2019) over B sequences of S new tokens each, with the
 * KV cache as inputs.
 *
 * Inputs (E the hidden width, H heads of width D; P past positions, the same for all rows, what a row has less is
 * masked; N = B * S rows and, where the format's products take several at a time, padding):
 * - `input_ids` int32 [N], `position_ids` int32 [N]
 * - `qkv_shape` int64 [5]: B, S, 3, H, D
 * - `attention_bias` f32 [B, 1, S, P + S]: 0 where a token may look, else a large negative number
 * - `split` int64 [2]: P and S
 * - `logit_rows` int32 [R]: which of the rows get logits
 * - `past_key_i`, `past_value_i` f32 [B, H, P, D] for each layer i
 * - with padding `num_tokens` int64 [1]: B * S, and `padding` f32 [N - B * S, E]. A caller who wants a row's bits not to
 *   depend on the other rows pads as `rowPadding` says.
 *
 * Outputs:
 * - `logits` f32 [R, vocabulary]
 * - `new_kv` f32 [L * 2, B, H, S, D]: the new keys and values, at layer * 2 + isValue
 *
 * The cache is never an output: onnxruntime-node copies every output that it returns. The new rows leave in one
 * piece, and the caller appends them.
 *
 * The weights stay in their files, which the graph names relative to {@link folderOf} them.
 */
export function buildGpt2Graph({ config, weights, format }: GraphWeights): Uint8Array {
  const graph = new GraphBuilder(folderOf(weights.values()));
  const model: ModelGraph = {
    graph,
    config,
    tokenIds: graph.input('input_ids', 'int32', ['N']),
    weight: (name, shape) => {
      const tensor = weights.get(name);
      if (tensor === undefined) throw new Error(`The graph uses "${name}", which nobody has checked.`);
      return graph.stored(name, tensor, shape);
    },
  };
  const context: GraphContext = {
    ...model,
    ...format.products(model),
    attentionBias: graph.input('attention_bias', 'float32', ['B', 1, 'S', 'P+S']),
    split: graph.input('split', 'int64', [2]),
    qkvShape: graph.input('qkv_shape', 'int64', [5]),
    mergedShape: graph.ints([-1, config.hiddenSize]),
    padding: format.rowMultiple.linear > 1 ? paddingInputs(graph, config) : undefined,
  };
  const positionIds = graph.input('position_ids', 'int32', ['N']);
  const positions = graph.op('Gather', [context.weight('wpe.weight'), positionIds]);
  let hidden = graph.op('Add', [context.embedTokens(), positions]); // [N, E]
  const newKv: Value[] = [];
  for (let layer = 0; layer < config.numLayers; layer++) {
    const attended = attention(context, layer, layerNorm(context, `h.${layer}.ln_1`, hidden), newKv);
    hidden = graph.op('Add', [hidden, attended]);
    hidden = graph.op('Add', [hidden, mlp(context, layer, layerNorm(context, `h.${layer}.ln_2`, hidden))]);
  }
  const rows = graph.op('Gather', [hidden, graph.input('logit_rows', 'int32', ['R'])]); // [R, E]
  const logits = context.head(layerNorm(context, 'ln_f', rows));
  graph.output('logits', logits, 'float32', ['R', config.vocabSize]);
  const rowShape = ['B', config.numHeads, 'S', config.hiddenSize / config.numHeads];
  graph.output('new_kv', graph.op('Concat', newKv, { axis: 0 }), 'float32', ['L*2', ...rowShape]);
  return graph.toModel();
}

/** What the layers of one graph share. */
interface GraphContext extends ModelGraph, MatrixProducts {
  readonly attentionBias: Value;
  readonly split: Value;
  readonly qkvShape: Value;
  readonly mergedShape: Value;
  readonly padding: Padding | undefined;
}

/** The rows that only pad: `rows` f32 [N - B * S, E], and `start` int64 [1], where they begin: B * S. */
interface Padding {
  readonly rows: Value;
  readonly start: Value;
}

function paddingInputs(graph: GraphBuilder, { hiddenSize }: Gpt2Config): Padding {
  return {
    rows: graph.input('padding', 'float32', ['N-B*S', hiddenSize]),
    start: graph.input('num_tokens', 'int64', [1]),
  };
}

/** Causal self-attention over the past and the new tokens: [N, E] -> [N, E]. Appends the new K and V. */
function attention(context: GraphContext, layer: number, hidden: Value, newKv: Value[]): Value {
  const { graph, config, split, padding } = context;
  const past = ['B', config.numHeads, 'P', config.hiddenSize / config.numHeads];
  const pastKey = graph.input(`past_key_${layer}`, 'float32', past);
  const pastValue = graph.input(`past_value_${layer}`, 'float32', past);

  const qkv = context.linear(`h.${layer}.attn.c_attn`, hidden);
  const [query, key, value] = splitHeads(context, qkv); // each [1, B, H, S, D]
  newKv.push(key, value);

  // Not as FusedMatMul's alpha: only without one does it have a kernel for the single row of a decoding step. And not as
  // one number, which ONNX Runtime would make the alpha again.
  const scale = graph.scalar('float32', attentionScale(config, layer));
  const factors = graph.op('Expand', [scale, graph.ints([config.hiddenSize / config.numHeads])]);
  const scaled = graph.op('Mul', [query, factors]);
  const [pastScores] = graph.contrib('FusedMatMul', [scaled, pastKey], { transB: 1 }); // [1, B, H, S, P]
  const [newScores] = graph.contrib('FusedMatMul', [scaled, key], { transB: 1 }); // [1, B, H, S, S]
  const scores = graph.op('Concat', [pastScores!, newScores!], { axis: -1 });
  const probabilities = graph.op('Softmax', [graph.op('Add', [scores, context.attentionBias])], { axis: -1 });
  const [onPast, onNew] = graph.ops('Split', [probabilities, split], 2, { axis: -1 }) as [Value, Value];
  const attended = graph.op('Add', [
    graph.op('MatMul', [onPast, pastValue]),
    graph.op('MatMul', [onNew, value]),
  ]); // [1, B, H, S, D]
  const transposed = graph.op('Transpose', [attended], { perm: [0, 1, 3, 2, 4] });
  const merged = graph.op('Reshape', [transposed, context.mergedShape]); // [B * S, E]
  const rows = padding === undefined ? merged : graph.op('Concat', [merged, padding.rows], { axis: 0 });
  return context.linear(`h.${layer}.attn.c_proj`, rows);
}

/** Queries, keys and values by head: [N, 3E] -> three of [1, B, H, S, D]. */
function splitHeads({ graph, qkvShape, padding }: GraphContext, qkv: Value): [Value, Value, Value] {
  const rows = padding === undefined ? qkv : graph.op('Slice', [qkv, graph.ints([0]), padding.start]);
  const parts = graph.op('Transpose', [graph.op('Reshape', [rows, qkvShape])], { perm: [2, 0, 3, 1, 4] });
  return graph.ops('Split', [parts], 3, { axis: 0, num_outputs: 3 }) as [Value, Value, Value];
}

/** The two-layer perceptron: [N, E] -> [N, E]. */
function mlp(context: GraphContext, layer: number, hidden: Value): Value {
  const inner = context.linear(`h.${layer}.mlp.c_fc`, hidden);
  return context.linear(`h.${layer}.mlp.c_proj`, activate(context.graph, context.config.activation, inner));
}

function activate(graph: GraphBuilder, activation: Activation, value: Value): Value {
  if (activation === 'relu') return graph.op('Relu', [value]);
  return graph.op('Gelu', [value], { approximate: activation === 'gelu-tanh' ? 'tanh' : 'none' });
}

function layerNorm({ graph, config, weight }: GraphContext, name: string, input: Value): Value {
  return graph.op('LayerNormalization', [input, weight(`${name}.weight`), weight(`${name}.bias`)], {
    axis: -1,
    epsilon: { float: config.layerNormEpsilon },
  });
}

function attentionScale(config: Gpt2Config, layer: number): number {
  const byWidth = config.scaleAttentionWeights ? 1 / Math.sqrt(config.hiddenSize / config.numHeads) : 1;
  return config.scaleAttentionByLayer ? byWidth / (layer + 1) : byWidth;
}
