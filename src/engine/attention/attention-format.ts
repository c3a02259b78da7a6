import type { KvPart, KvShape } from '../kv-cache/kv-part.js';
import type { GraphBuilder, Value } from '../model/graph-builder.js';

/** How keys and values are kept, and how a graph multiplies with those of the past. */
export interface AttentionFormat {
  /** Names what is kept and how it is multiplied, for fingerprints. */
  readonly name: string;
  /** What each layer keeps. */
  readonly parts: (shape: KvShape) => readonly KvPart[];
  /** What attention to one position costs in all layers: bytes of weights that are read in the same time. */
  readonly positionCost: (shape: KvShape) => number;
  /** Attention in one graph. */
  readonly open: (model: AttentionModel) => GraphAttention;
}

/** What a graph's attention is made for. */
export interface AttentionModel {
  readonly graph: GraphBuilder;
  readonly shape: KvShape;
  /** By what each layer's scores are multiplied. */
  readonly scales: readonly number[];
}

/** Attention in one graph: products with what is kept of the past, which `past` gives by its part's name. */
export interface GraphAttention {
  /** Scores of S queries on what is past and what is new, both f32 [1, B, H, S, D] -> [1, B, H, S, P + S]. */
  readonly scores: (layer: LayerPast, query: Value, newKey: Value) => Value;
  /** The past values' mean: f32 [1, B, H, S, P] -> [1, B, H, S, D]. */
  readonly mean: (layer: LayerPast, probabilities: Value) => Value;
  /**
   * What is to be kept of S new tokens' keys and values, both f32 [L, B, H, S, D]: each part's numbers in the order of
   * [L, B, ...before, S, ...after].
   */
  readonly toKeep: (tokens: NewTokens) => Readonly<Record<string, Value>>;
}

/** The keys and values of new tokens: f32 [L, B, H, S, D]. */
export interface NewTokens {
  readonly key: Value;
  readonly value: Value;
  /** S: int64 [1]. */
  readonly numNewTokens: Value;
}

/** What a layer has kept. */
export interface LayerPast {
  readonly layer: number;
  /** A part by its name: [1, B, ...before, P, ...after]. */
  readonly part: (name: string) => Value;
}
