import type { AttentionFormat } from '../attention/attention-format.js';
import type { Checkpoint } from '../model/checkpoint.js';
import type { Gpt2Config } from '../model/gpt2-config.js';
import type { GraphBuilder, Value } from '../model/graph-builder.js';
import type { PlannedWeights } from './quantized-weights.js';

/** A precision: how the matrices of a model are stored, and how a graph multiplies with them. */
export interface MatrixFormat {
  /** Names what is stored and how it is multiplied, for files of weights and for fingerprints. */
  readonly name: string;
  /** Says what a file of weights holds; undefined where the checkpoint's own files are multiplied with. */
  readonly plan: ((checkpoint: Checkpoint) => readonly PlannedWeights[]) | undefined;
  /**
   * How many rows the products take at a time. A row's bits do not depend on the other rows when rows are padded to a
   * multiple of this (docs/engine.md, "Row-exact").
   */
  readonly rowMultiple: 1 | 2;
  /** Settings of ONNX Runtime with which it rewrites the products for this processor; undefined where it need not. */
  readonly sessionSettings?: SessionSettings | undefined;
  /** How keys and values are kept beside these matrices, on this processor. */
  readonly attention: () => Promise<AttentionFormat>;
  /** The products of one graph, which may share nodes. */
  readonly products: (model: ModelGraph) => MatrixProducts;
}

/** Settings of ONNX Runtime; undefined for none. */
export type SessionSettings = () => Promise<Readonly<Record<string, string>> | undefined>;

/**
 * How the last norm and the head are stored, and how a graph multiplies with the head, which takes any number of rows, or as many
 * at a time as the layers that it is used with.
 */
export interface HeadFormat {
  /** As a format's. */
  readonly name: string;
  /** As a format's. */
  readonly sessionSettings?: SessionSettings;
  readonly plan: (checkpoint: Checkpoint) => readonly PlannedWeights[];
  /** As {@link MatrixProducts.head}. */
  readonly product: (model: ModelGraph, hidden: Value, rows: Value) => Value;
}

/** The graph that products are added to. */
export interface ModelGraph {
  readonly graph: GraphBuilder;
  readonly config: Gpt2Config;
  /** What the tokens of the step are to the first layer: f32 [N, E]. */
  readonly embeddings: Value;
  /** A stored tensor by its name. */
  readonly weight: (name: string) => Value;
}

/** What a GPT-2 multiplies with its matrices. */
export interface MatrixProducts {
  /**
   * A linear layer by its name in the checkpoint, bias added: f32 [n, inputs] -> [n, outputs].
   *
   * @param rows a value [n, ...] that is there before the first layer; default `embeddings`, which has all rows
   */
  readonly linear: (name: string, input: Value, rows?: Value) => Value;
  /** The same, and the model's activation behind it. */
  readonly activated: (name: string, input: Value, rows?: Value) => Value;
  /** The logits of hidden states: f32 [R, E] -> [R, vocabulary]; `rows` as above. */
  readonly head: (hidden: Value, rows: Value) => Value;
}

/** What the rows of a step are padded to a multiple of. */
export interface RowPadding {
  /** Undefined for a graph that takes no padding. */
  readonly tokens: number | undefined;
  readonly logits: number;
}

/** The padding that makes a row's bits independent of the other rows, or the least that the format's graph takes. */
export function rowPadding({ rowMultiple }: MatrixFormat, isExact: boolean): RowPadding {
  if (rowMultiple === 1) return { tokens: undefined, logits: 1 };
  const multiple = isExact ? rowMultiple : 1;
  return { tokens: multiple, logits: multiple };
}

/** Inputs and outputs of a linear layer. */
export function linearSize({ hiddenSize, innerSize }: Gpt2Config, name: string) {
  if (name.endsWith('attn.c_attn')) return { inputs: hiddenSize, outputs: 3 * hiddenSize };
  if (name.endsWith('mlp.c_fc')) return { inputs: hiddenSize, outputs: innerSize };
  return { inputs: name.endsWith('mlp.c_proj') ? innerSize : hiddenSize, outputs: hiddenSize };
}

/** The matrix that the head multiplies with: f32 [vocabulary, E] in the checkpoint. */
export function headWeight({ tiedEmbedding }: Gpt2Config): string {
  return tiedEmbedding ? 'wte.weight' : 'lm_head.weight';
}
