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

/** Attention in one graph, in two ways: for a single token of each of many sequences, and for many tokens of one. */
export interface GraphAttention {
  readonly decode: DecodeAttention;
  readonly chunk: ChunkAttention;
}

/** One new token of each of B sequences: what is past stays where it is, and what is new is looked at beside it. */
export interface DecodeAttention {
  /** Scores of the queries on what is past and what is new, both f32 [1, B, H, 1, D] -> [1, B, H, 1, P + 1]. */
  readonly scores: (past: LayerKept, query: Value, newKey: Value) => Value;
  /** The past values' mean: f32 [1, B, H, 1, P] -> [1, B, H, 1, D]. */
  readonly mean: (past: LayerKept, probabilities: Value) => Value;
  /**
   * What is to be kept of all layers' new keys and values, both f32 [L, B, H, 1, D]: each part's numbers in the order of
   * [L, B, ...before, 1, ...after].
   */
  readonly toKeep: (key: Value, value: Value) => Kept;
}

/**
 * Several new tokens of one sequence: they are kept first, then looked at together with what was. That copies the past once,
 * which is little beside what so many queries do with it.
 */
export interface ChunkAttention {
  /**
   * What is to be kept of a layer's keys, f32 [1, 1, S, H, D], and values, f32 [1, 1, H, S, D]: each part
   * [1, 1, ...before, S, ...after].
   */
  readonly toKeep: (layer: number, key: Value, value: Value) => Kept;
  /** Scores of S queries on T positions: f32 [1, 1, H, S, D] -> [1, 1, H, S, T]. */
  readonly scores: (kept: LayerKept, query: Value) => Value;
  /** The values' mean: f32 [1, 1, H, S, T] -> [1, 1, H, S, D]. */
  readonly mean: (kept: LayerKept, probabilities: Value) => Value;
}

/** Numbers to keep, by their part's name. */
export type Kept = Readonly<Record<string, Value>>;

/** What a layer has kept. */
export interface LayerKept {
  readonly layer: number;
  /** A part by its name: [1, B, ...before, positions, ...after]; for one token each, in tiles where the cache has it so. */
  readonly part: (name: string) => Value;
}
