import type { AttentionFormat } from '../attention/attention-format.js';
import {
  headWeight,
  type MatrixFormat,
  type MatrixProducts,
  type ModelGraph,
} from '../weights/matrix-format.js';
import { type Gpt2Config, kvShapeOf } from './gpt2-config.js';
import { GraphBuilder, type Value } from './graph-builder.js';
import { folderOf, type StoredTensor } from './safetensors.js';
import { StepBatches } from './step-batches.js';

/** Changes whenever the graph computes the same in another way, so that bits may differ. */
export const GRAPH_VERSION = 7;

/** The weights that a graph multiplies with. */
export interface GraphWeights {
  readonly config: Gpt2Config;
  /** By the names of a checkpoint, or of what the format makes of it. */
  readonly weights: ReadonlyMap<string, StoredTensor>;
  readonly format: MatrixFormat;
  readonly attention: AttentionFormat;
}

/**
 * Writes the ONNX graph of one step of a GPT-2 (Radford et al., 2019), with the KV cache as inputs. A step runs up to
 * MAX_BATCHES batches side by side, each of B sequences with one new token or of S tokens of one; all but attention is
 * done for the rows of all of them together, so that the weights are read once.
 *
 * Inputs (E the hidden width, H heads of width D; P past positions, the same for all rows of a batch, what a row has
 * less is masked; N rows: those of the batches one after the other, B * S each, and, where the format's products
 * take several at a time, padding):
 * - `inputs_embeds` f32 [N, E]: what tokens and their positions are to the first layer (input-embeddings.ts)
 * - `logit_rows` int32 [R]: which of the rows get logits; there may be none
 * - with padding `num_tokens` int64 [1]: the rows before it, and `padding` f32 [rows of padding, E]. A caller who wants a
 *   row's bits not to depend on the other rows pads as `rowPadding` says.
 * - for each batch b
 *   - `is_present_b` bool []: else nothing is computed for it and those behind it, and its other inputs need only be there.
 *     The first batch is computed in any case, but B may be 0.
 *   - `is_chunk_b` bool []: whether it is S tokens of one sequence. The first batch never is.
 *   - `row_split_b` int64 [2]: its rows, B * S, and those of the batches behind it
 *   - `attention_bias_b` f32 [B, 1, S, P + S], of a chunk [1, 1, S, computed positions + S]: 0 where a token may look,
 *     else a large negative number
 *   - `split_b` int64 [2]: P and 1, if it is no chunk
 *   - `num_past_b` int64 [1]: of the P positions the computed ones, if it is one
 *   - `past_NAME_i_b` [1, B, ...before, P, ...after], or in tiles (kv-part.ts), for each part of the attention's format and
 *     each layer i
 *
 * Outputs:
 * - `logits` f32 [R, vocabulary]
 * - for each batch `new_NAME_b` [L, B, ...before, S, ...after] for each part: what is to be kept of the new keys and values
 *
 * The cache is never an output: onnxruntime-node copies every output that it returns. The new rows of all layers leave
 * together, and the caller appends them.
 *
 * The weights stay in their files, which the graph names relative to {@link folderOf} them.
 */
export function buildGpt2Graph(weights: GraphWeights): Uint8Array {
  const context = createContext(weights);
  const { graph, config, batches } = context;
  const logitRows = graph.input('logit_rows', 'int32', ['R']);
  let hidden = context.embeddings;
  for (let layer = 0; layer < config.numLayers; layer++) {
    let attended = attend(context, layer, layerNorm(context, `h.${layer}.ln_1`, hidden));
    let rows = context.embeddings;
    if (layer === config.numLayers - 1) {
      // Behind the last attention a row is of use to its own logits only: [N, E] -> [R, E].
      rows = logitRows;
      attended = graph.op('Gather', [attended, rows]);
      hidden = graph.op('Gather', [hidden, rows]);
    }
    hidden = graph.op('Add', [hidden, context.linear(`h.${layer}.attn.c_proj`, attended, rows)]);
    const normed = layerNorm(context, `h.${layer}.ln_2`, hidden);
    const active = context.activated(`h.${layer}.mlp.c_fc`, normed, rows);
    hidden = graph.op('Add', [hidden, context.linear(`h.${layer}.mlp.c_proj`, active, rows)]);
  }
  const logits = context.head(layerNorm(context, 'ln_f', hidden), logitRows);
  graph.packFirst(headWeight(config));
  graph.output('logits', logits, 'float32', ['R', config.vocabSize]);
  batches.addOutputs();
  return graph.toModel();
}

/** What the layers of one graph share. */
interface GraphContext extends ModelGraph, MatrixProducts {
  readonly batches: StepBatches;
  readonly padding: Padding | undefined;
}

/** The rows that only pad: `rows` f32 [N - tokens, E], and `start` int64 [1], where they begin. */
interface Padding {
  readonly rows: Value;
  readonly start: Value;
}

function createContext({ config, weights, format, attention }: GraphWeights): GraphContext {
  const graph = new GraphBuilder(folderOf(weights.values()));
  const model: ModelGraph = {
    graph,
    config,
    embeddings: graph.input('inputs_embeds', 'float32', ['N', config.hiddenSize]),
    weight: (name) => {
      const tensor = weights.get(name);
      if (tensor === undefined) throw new Error(`The graph uses "${name}", which nobody has checked.`);
      return graph.stored(name, tensor);
    },
  };
  const scales = Array.from({ length: config.numLayers }, (_, layer) => attentionScale(config, layer));
  return {
    ...model,
    ...format.products(model),
    batches: new StepBatches({ graph, format: attention, shape: kvShapeOf(config), scales }),
    padding: format.rowMultiple > 1 ? paddingInputs(graph, config) : undefined,
  };
}

function paddingInputs(graph: GraphBuilder, { hiddenSize }: Gpt2Config): Padding {
  return {
    rows: graph.input('padding', 'float32', ['padding', hiddenSize]),
    start: graph.input('num_tokens', 'int64', [1]),
  };
}

/** Attention, to be projected, which leaves padding alone: [N, E] -> [N, E]. */
function attend({ graph, batches, padding, linear }: GraphContext, layer: number, hidden: Value): Value {
  const qkv = linear(`h.${layer}.attn.c_attn`, hidden); // [N, 3E]
  if (padding === undefined) return batches.attend(layer, qkv);
  const attended = batches.attend(layer, graph.op('Slice', [qkv, graph.ints([0]), padding.start]));
  return graph.op('Concat', [attended, padding.rows], { axis: 0 });
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
