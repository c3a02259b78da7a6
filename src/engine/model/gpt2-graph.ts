import type { AttentionFormat, GraphAttention, LayerPast } from '../attention/attention-format.js';
import type { KvPart } from '../kv-cache/kv-part.js';
import type { MatrixFormat, MatrixProducts, ModelGraph } from '../weights/matrix-format.js';
import { type Activation, type Gpt2Config, kvShapeOf } from './gpt2-config.js';
import { GraphBuilder, type Value } from './graph-builder.js';
import { folderOf, type StoredTensor } from './safetensors.js';

/** Changes whenever the graph computes the same in another way, so that bits may differ. */
export const GRAPH_VERSION = 4;

/** The weights that a graph multiplies with. */
export interface GraphWeights {
  readonly config: Gpt2Config;
  /** By the names of a checkpoint, or of what the format makes of it. */
  readonly weights: ReadonlyMap<string, StoredTensor>;
  readonly format: MatrixFormat;
  readonly attention: AttentionFormat;
}

/** The graph's input that has the past of a layer's part. */
export function pastRows(part: string, layer: number): string {
  return `past_${part}_${layer}`;
}

/** The graph's output that has the new rows of a part. */
export function newRows(part: string): string {
  return `new_${part}`;
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
 * - `logit_rows` int32 [R]: which of the rows get logits; there may be none
 * - `past_NAME_i` [B, ...before, P, ...after] for each part of the attention's format and each layer i
 * - with padding `num_tokens` int64 [1]: B * S, and `padding` f32 [N - B * S, E]. A caller who wants a row's bits not to
 *   depend on the other rows pads as `rowPadding` says.
 *
 * Outputs:
 * - `logits` f32 [R, vocabulary]
 * - `new_NAME` [L, B, ...before, S, ...after] for each part: what is to be kept of the new keys and values
 *
 * The cache is never an output: onnxruntime-node copies every output that it returns. The new rows of all layers leave
 * together, and the caller appends them.
 *
 * The weights stay in their files, which the graph names relative to {@link folderOf} them.
 */
export function buildGpt2Graph(weights: GraphWeights): Uint8Array {
  const context = createContext(weights);
  const { graph, config } = context;
  const logitRows = graph.input('logit_rows', 'int32', ['R']);
  const kept: Kept = { keys: [], values: [] };
  let hidden = embed(context); // [N, E]
  for (let layer = 0; layer < config.numLayers; layer++) {
    let attended = attend(context, layer, layerNorm(context, `h.${layer}.ln_1`, hidden), kept);
    let rows = context.tokenIds;
    if (layer === config.numLayers - 1) {
      // Behind the last attention a row is of use to its own logits only: [N, E] -> [R, E].
      rows = logitRows;
      attended = graph.op('Gather', [attended, rows]);
      hidden = graph.op('Gather', [hidden, rows]);
    }
    hidden = graph.op('Add', [hidden, context.linear(`h.${layer}.attn.c_proj`, attended, rows)]);
    const inner = context.linear(`h.${layer}.mlp.c_fc`, layerNorm(context, `h.${layer}.ln_2`, hidden), rows);
    const active = activate(graph, config.activation, inner);
    hidden = graph.op('Add', [hidden, context.linear(`h.${layer}.mlp.c_proj`, active, rows)]);
  }
  const logits = context.head(layerNorm(context, 'ln_f', hidden));
  graph.output('logits', logits, 'float32', ['R', config.vocabSize]);
  outputKept(context, kept);
  return graph.toModel();
}

/** The new keys and values of the layers so far: each f32 [1, B, H, S, D]. */
interface Kept {
  readonly keys: Value[];
  readonly values: Value[];
}

/** Adds an output for each part of what is kept. */
function outputKept({ graph, attention, parts }: GraphContext, { keys, values }: Kept): void {
  const [key, value] = [keys, values].map((layers) => graph.op('Concat', layers, { axis: 0 }));
  const kept = attention.toKeep(key!, value!);
  for (const { name, type } of parts) graph.output(newRows(name), kept[name]!, type);
}

/** The embeddings of tokens and positions: [N, E]. */
function embed({ graph, weight, embedTokens }: GraphContext): Value {
  const positions = graph.op('Gather', [weight('wpe.weight'), graph.input('position_ids', 'int32', ['N'])]);
  return graph.op('Add', [embedTokens(), positions]);
}

/** What the layers of one graph share. */
interface GraphContext extends ModelGraph, MatrixProducts {
  readonly attention: GraphAttention;
  readonly parts: readonly KvPart[];
  readonly attentionBias: Value;
  readonly split: Value;
  readonly qkvShape: Value;
  readonly mergedShape: Value;
  readonly padding: Padding | undefined;
}

function createContext({ config, weights, format, attention }: GraphWeights): GraphContext {
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
  const shape = kvShapeOf(config);
  const split = graph.input('split', 'int64', [2]);
  const scales = Array.from({ length: config.numLayers }, (_, layer) => attentionScale(config, layer));
  const numNewTokens = graph.op('Slice', [split, graph.ints([1]), graph.ints([2])]);
  return {
    ...model,
    ...format.products(model),
    attention: attention.open({ graph, shape, scales, numNewTokens }),
    parts: attention.parts(shape),
    attentionBias: graph.input('attention_bias', 'float32', ['B', 1, 'S', 'P+S']),
    split,
    qkvShape: graph.input('qkv_shape', 'int64', [5]),
    mergedShape: graph.ints([-1, config.hiddenSize]),
    padding: format.rowMultiple.linear > 1 ? paddingInputs(graph, config) : undefined,
  };
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

/** Causal self-attention over the past and the new tokens, to be projected: [N, E] -> [N, E]. Adds the new keys and values. */
function attend(context: GraphContext, layer: number, hidden: Value, kept: Kept): Value {
  const { graph, attention, padding } = context;
  const qkv = context.linear(`h.${layer}.attn.c_attn`, hidden);
  const [query, key, value] = splitHeads(context, qkv); // each [1, B, H, S, D]
  kept.keys.push(key);
  kept.values.push(value);

  const past = pastOf(context, layer);
  const scores = attention.scores(past, query, key); // [1, B, H, S, P + S]
  const probabilities = graph.op('Softmax', [graph.op('Add', [scores, context.attentionBias])], { axis: -1 });
  const [onPast, onNew] = graph.ops('Split', [probabilities, context.split], 2, { axis: -1 });
  const attended = graph.op('Add', [attention.mean(past, onPast!), graph.op('MatMul', [onNew!, value])]);
  const transposed = graph.op('Transpose', [attended], { perm: [0, 1, 3, 2, 4] });
  const merged = graph.op('Reshape', [transposed, context.mergedShape]); // [B * S, E]
  return padding === undefined ? merged : graph.op('Concat', [merged, padding.rows], { axis: 0 });
}

/** The inputs for what a layer has kept. */
function pastOf({ graph, parts }: GraphContext, layer: number): LayerPast {
  const inputs = new Map(
    parts.map(({ name, type, before, after }) => [
      name,
      graph.input(pastRows(name, layer), type, ['B', ...before, 'P', ...after]),
    ]),
  );
  return { layer, part: (name) => inputs.get(name)! };
}

/** Queries, keys and values by head: [N, 3E] -> three of [1, B, H, S, D]. */
function splitHeads({ graph, qkvShape, padding }: GraphContext, qkv: Value): [Value, Value, Value] {
  const rows = padding === undefined ? qkv : graph.op('Slice', [qkv, graph.ints([0]), padding.start]);
  const parts = graph.op('Transpose', [graph.op('Reshape', [rows, qkvShape])], { perm: [2, 0, 3, 1, 4] });
  return graph.ops('Split', [parts], 3, { axis: 0, num_outputs: 3 }) as [Value, Value, Value];
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
