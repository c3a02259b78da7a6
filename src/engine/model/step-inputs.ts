import { Tensor } from 'onnxruntime-node';
import { numRowsOf, type ScheduledBatch } from '../scheduling/scheduled-step.js';
import { batchInput, MAX_BATCHES } from './batch-inputs.js';
import { type BatchPlaces, isChunk } from './batch-places.js';
import type { Feeds } from './feed-set.js';
import type { Gpt2Config } from './gpt2-config.js';
import type { InputEmbeddings } from './input-embeddings.js';
import { NOBODYS_POSITIONS } from './past-feeds.js';
import { ReusedFloats } from './reused-floats.js';

/** What all rows have, or one batch: rewritten in place from step to step. */
interface RowInputs {
  /** f32 [N, E], the padding at 0. */
  readonly embeddings: Float32Array;
  readonly feeds: Feeds;
}
interface BatchInputs {
  readonly rowSplit: BigInt64Array;
  readonly bias: Float32Array;
  readonly feeds: Feeds;
}

/** Added to the score of what must not be seen: large enough to vanish in f32, small enough to stay finite. */
const MASKED = -1e9;
const MAX_KEPT_SHAPES = 64;

/** Makes the small inputs of steps, keeping the tensors of the shapes that come again and again. */
export class StepInputsFactory {
  readonly #config: Gpt2Config;
  readonly #embeddings: InputEmbeddings;
  readonly #rowMultiple: number | undefined;
  readonly #rows = new Map<number, RowInputs>();
  readonly #rowMemory = new ReusedFloats(() => this.#rows.clear());
  readonly #batches = new Map<string, BatchInputs>();
  /** By the batch's number. */
  readonly #biasMemory = Array.from(
    { length: MAX_BATCHES },
    () => new ReusedFloats(() => this.#batches.clear()),
  );
  /** For the batches that a step lacks, in their order. */
  readonly #absent: readonly Feeds[];

  /** `rowMultiple` is what rows are padded to, for a graph that takes padding; undefined for one that takes none. */
  constructor(config: Gpt2Config, embeddings: InputEmbeddings, rowMultiple: number | undefined) {
    this.#config = config;
    this.#embeddings = embeddings;
    this.#rowMultiple = rowMultiple;
    this.#absent = Array.from({ length: MAX_BATCHES }, (_, i) => this.#createBatch(NOBODY, i).feeds);
  }

  /** Fills in the inputs of a step, in parts: those of all rows, then those of each batch. They hold until the next call. */
  fill(places: BatchPlaces): Feeds[] {
    const batches = places.filter((batch) => batch !== undefined);
    const numTokens = batches.reduce((sum, batch) => sum + numRowsOf(batch), 0);
    const rows = kept(this.#rows, numTokens, () => this.#createRows(numTokens));
    this.#fillEmbeddings(batches, rows.embeddings);
    let numBehind = numTokens;
    const ofBatches = this.#absent.map((absent, index) => {
      // The first one is computed even where it has no rows, and hands all of them on.
      const batch = places[index] ?? (index === 0 ? NOBODY : undefined);
      if (batch === undefined) return absent;
      numBehind -= numRowsOf(batch);
      return this.#fillBatch(batch, index, numBehind);
    });
    return [rows.feeds, ...ofBatches];
  }

  /** Lets the memory of all steps' inputs go. */
  drop(): void {
    for (const memory of [this.#rowMemory, ...this.#biasMemory]) memory.drop();
  }

  #fillBatch(batch: BatchSize, index: number, numRowsBehind: number): Feeds {
    const key = `${index}:${batch.sequences.length}x${batch.numNewTokens}x${numPastOf(batch)}`;
    const { rowSplit, bias, feeds } = kept(this.#batches, key, () => this.#createBatch(batch, index));
    rowSplit[1] = BigInt(numRowsBehind);
    fillAttentionBias(batch, bias);
    return feeds;
  }

  #fillEmbeddings(batches: readonly ScheduledBatch[], rows: Float32Array): void {
    let row = 0;
    for (const { sequences, numNewTokens } of batches) {
      for (const { tokenIds, numComputedTokens } of sequences) {
        const end = numComputedTokens + numNewTokens;
        for (let position = numComputedTokens; position < end; position++, row++) {
          this.#embeddings.write(rows, row, { tokenId: tokenIds[position]!, position });
        }
      }
    }
    rows.fill(0, row * this.#config.hiddenSize);
  }

  #createRows(numTokens: number): RowInputs {
    const numRows = roundUp(numTokens, this.#rowMultiple ?? 1);
    const { hiddenSize } = this.#config;
    const embeddings = this.#rowMemory.take(numRows * hiddenSize);
    const feeds = { inputs_embeds: new Tensor('float32', embeddings, [numRows, hiddenSize]) };
    if (this.#rowMultiple === undefined) return { embeddings, feeds };
    const padding = float32([numRows - numTokens, hiddenSize]);
    return { embeddings, feeds: { ...feeds, num_tokens: int64(numTokens), padding } };
  }

  #createBatch(batch: BatchSize, index: number): BatchInputs {
    const { sequences, numNewTokens } = batch;
    const [numSequences, numPast] = [sequences.length, numPastOf(batch)];
    const shape = [numSequences, 1, numNewTokens, numPast + numNewTokens];
    const bias = this.#biasMemory[index]!.take(shape.reduce((product, size) => product * size));
    const rowSplit = int64(numSequences * numNewTokens, 0);
    const feeds = {
      [batchInput('is_present', index)]: bool(numSequences > 0),
      [batchInput('is_chunk', index)]: bool(isChunk(batch)),
      [batchInput('row_split', index)]: rowSplit,
      [batchInput('split', index)]: int64(numPast, numNewTokens),
      [batchInput('num_past', index)]: int64(numPast),
      [batchInput('attention_bias', index)]: new Tensor('float32', bias, shape),
    };
    return { rowSplit: rowSplit.data as BigInt64Array, bias, feeds };
  }
}

/** What a batch's inputs depend on. */
type BatchSize = Pick<ScheduledBatch, 'sequences' | 'numNewTokens' | 'capacity'>;

const NOBODY: BatchSize = { sequences: [], numNewTokens: 1, capacity: NOBODYS_POSITIONS };

/** The positions that its rows look at before their own: a chunk leaves those out that hold nothing yet. */
function numPastOf(batch: BatchSize): number {
  return isChunk(batch) ? batch.sequences[0]!.numComputedTokens : batch.capacity;
}

/** Rounds a count up to a multiple. */
export function roundUp(count: number, multiple: number): number {
  return Math.ceil(count / multiple) * multiple;
}

/** The value that a map has for a key, made where it has none; a map that is full is emptied before. */
function kept<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const present = map.get(key);
  if (present !== undefined) return present;
  if (map.size >= MAX_KEPT_SHAPES) map.clear();
  const made = make();
  map.set(key, made);
  return made;
}

function bool(value: boolean): Tensor {
  return new Tensor('bool', Uint8Array.of(value ? 1 : 0), []);
}

function int64(...values: number[]): Tensor {
  return new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);
}

function float32(shape: readonly number[]): Tensor {
  return new Tensor('float32', new Float32Array(shape.reduce((product, dim) => product * dim, 1)), shape);
}

/** `attention_bias`: f32 [B, 1, newTokens, past + newTokens], 0 for a sequence's own past and for itself. */
function fillAttentionBias(batch: BatchSize, bias: Float32Array): void {
  const { sequences, numNewTokens } = batch;
  const numPast = numPastOf(batch);
  const width = numPast + numNewTokens;
  let at = 0;
  for (const { numComputedTokens } of sequences) {
    for (let token = 0; token < numNewTokens; token++, at += width) {
      bias.fill(0, at, at + numComputedTokens);
      bias.fill(MASKED, at + numComputedTokens, at + numPast);
      bias.fill(0, at + numPast, at + numPast + token + 1);
      bias.fill(MASKED, at + numPast + token + 1, at + width);
    }
  }
}
