import { z } from 'zod';
import { EngineError } from '../engine-error.js';
import type { KvShape } from '../kv-cache/kv-part.js';

/** How the MLP's hidden layer is activated. */
export type Activation = 'gelu-tanh' | 'gelu-erf' | 'relu';

/** The shape of a GPT-2 checkpoint and the switches that change its arithmetic. */
export interface Gpt2Config {
  readonly numLayers: number;
  readonly numHeads: number;
  /** Width of the hidden state; a multiple of `numHeads`. */
  readonly hiddenSize: number;
  /** Width of the MLP's hidden layer. */
  readonly innerSize: number;
  /** The most positions of one sequence. */
  readonly contextLength: number;
  readonly vocabSize: number;
  readonly layerNormEpsilon: number;
  readonly activation: Activation;
  /** Divide attention scores by the square root of the head's width. */
  readonly scaleAttentionWeights: boolean;
  /** Divide attention scores of layer i by i + 1. */
  readonly scaleAttentionByLayer: boolean;
  /** The output head is the token embedding. */
  readonly tiedEmbedding: boolean;
  /** The token that ends a text. */
  readonly endOfTextId: number;
}

const ACTIVATIONS: Record<string, Activation> = {
  gelu_new: 'gelu-tanh',
  gelu_fast: 'gelu-tanh',
  gelu_pytorch_tanh: 'gelu-tanh',
  gelu: 'gelu-erf',
  relu: 'relu',
};

const size = z.int().positive();

// Names and defaults are those of Hugging Face's GPT2Config. `reorder_and_upcast_attn` changes the order and the
// precision of half-precision arithmetic only; in f32 it is the identity.
const schema = z.object({
  model_type: z.literal('gpt2', { error: 'must be "gpt2"' }),
  n_layer: size,
  n_head: size,
  n_embd: size,
  n_inner: size.nullish(),
  n_positions: size,
  vocab_size: size,
  layer_norm_epsilon: z.number().positive().default(1e-5),
  activation_function: z
    .enum(Object.keys(ACTIVATIONS), { error: `must be one of ${Object.keys(ACTIVATIONS).join(', ')}` })
    .default('gelu_new'),
  scale_attn_weights: z.boolean().default(true),
  scale_attn_by_inverse_layer_idx: z.boolean().default(false),
  tie_word_embeddings: z.boolean().default(true),
  eos_token_id: z.int().nonnegative().nullish(),
});

/**
 * Parses a checkpoint's `config.json`.
 *
 * @throws EngineError MODEL_LOAD_FAILED naming the first field that is missing, misshapen or not GPT-2's.
 */
export function parseGpt2Config(json: string): Gpt2Config {
  const result = schema.safeParse(parseJson(json));
  if (!result.success) {
    const issue = result.error.issues[0];
    throw refuse(`\`${issue?.path.join('.')}\`: ${issue?.message}`);
  }
  const raw = result.data;
  if (raw.n_embd % raw.n_head !== 0) {
    throw refuse(`\`n_embd\` must be a multiple of \`n_head\`; got ${raw.n_embd} and ${raw.n_head}.`);
  }
  return {
    numLayers: raw.n_layer,
    numHeads: raw.n_head,
    hiddenSize: raw.n_embd,
    innerSize: raw.n_inner ?? 4 * raw.n_embd,
    contextLength: raw.n_positions,
    vocabSize: raw.vocab_size,
    layerNormEpsilon: raw.layer_norm_epsilon,
    activation: ACTIVATIONS[raw.activation_function] ?? 'gelu-tanh',
    scaleAttentionWeights: raw.scale_attn_weights,
    scaleAttentionByLayer: raw.scale_attn_by_inverse_layer_idx,
    tiedEmbedding: raw.tie_word_embeddings,
    endOfTextId: raw.eos_token_id ?? raw.vocab_size - 1,
  };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw refuse('not valid JSON.', cause);
  }
}

function refuse(problem: string, cause?: unknown): EngineError {
  return new EngineError('MODEL_LOAD_FAILED', `config.json: ${problem}`, { cause });
}

/** The size of a model's keys and values. */
export function kvShapeOf({ numLayers, numHeads, hiddenSize }: Gpt2Config): KvShape {
  return { numLayers, numHeads, headWidth: hiddenSize / numHeads };
}
