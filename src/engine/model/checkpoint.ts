import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { EngineError } from '../engine-error.js';
import { type Gpt2Config, parseGpt2Config } from './gpt2-config.js';
import { haveSameBytes, readSafetensors, type StoredTensor } from './safetensors.js';

/** A Hugging Face GPT-2 checkpoint folder: its shape, and where each weight is. */
export interface Checkpoint {
  readonly directory: string;
  readonly config: Gpt2Config;
  /** By the name without `transformer.`; exactly the tensors that the graph uses, of the right shape. */
  readonly weights: ReadonlyMap<string, StoredTensor>;
  readonly numParameters: number;
}

const EMBEDDING = 'wte.weight';
const HEAD = 'lm_head.weight';

/**
 * Opens a checkpoint folder: `config.json`, and `model.safetensors` or the shards that
 * `model.safetensors.index.json` lists. Weights stay on disk.
 *
 * @throws EngineError MODEL_LOAD_FAILED in one line: which file or tensor is missing or wrong, and how.
 */
export function openCheckpoint(directory: string): Checkpoint {
  const declared = parseGpt2Config(readText(directory, 'config.json'));
  const stored = new Map<string, FoundTensor>();
  for (const fileName of weightFiles(directory)) {
    for (const [name, tensor] of readSafetensors(join(directory, fileName))) {
      stored.set(name.replace(/^transformer\./, ''), { fileName, tensor });
    }
  }
  const config = { ...declared, tiedEmbedding: declared.tiedEmbedding && tieEmbedding(stored) };
  const weights = new Map<string, StoredTensor>();
  for (const [name, shape] of expectedWeights(config)) weights.set(name, findWeight(stored, name, shape));
  return { directory, config, weights, numParameters: numParametersOf(config) };
}

/**
 * Does with a tied embedding what transformers 5 does: one of the two stands for the other, and where both are stored and
 * differ, the checkpoint is right and its config is not.
 *
 * @returns whether the head is the embedding.
 */
function tieEmbedding(stored: Map<string, FoundTensor>): boolean {
  const embedding = stored.get(EMBEDDING);
  const head = stored.get(HEAD);
  if (embedding === undefined && head !== undefined) stored.set(EMBEDDING, head);
  return embedding === undefined || head === undefined || haveSameBytes(embedding.tensor, head.tensor);
}

/** Counts the parameters of a model of this shape, a tied embedding once. */
export function numParametersOf(config: Gpt2Config): number {
  let count = 0;
  for (const [, shape] of expectedWeights(config)) count += shape.reduce((product, dim) => product * dim, 1);
  return count;
}

/** A tensor, and the name of its file in the checkpoint's folder, for messages. */
interface FoundTensor {
  readonly fileName: string;
  readonly tensor: StoredTensor;
}

function findWeight(stored: Map<string, FoundTensor>, name: string, shape: readonly number[]): StoredTensor {
  const found = stored.get(name);
  if (found === undefined) throw refuse(`tensor "${name}" [${shape}] is missing.`);
  const { fileName, tensor } = found;
  const at = `${fileName}: tensor "${name}"`;
  if (tensor.shape.length !== shape.length || tensor.shape.some((dim, axis) => dim !== shape[axis])) {
    throw refuse(`${at} has shape [${tensor.shape}]; config.json asks for [${shape}].`);
  }
  if (!['F32', 'F16', 'BF16'].includes(tensor.dtype)) {
    throw refuse(`${at} has type ${tensor.dtype}; weights must be F32, F16 or BF16.`);
  }
  return tensor;
}

/** The weights that the graph uses. Linear layers are stored [in, out] (Hugging Face's Conv1D). */
function* expectedWeights(config: Gpt2Config): Generator<[string, readonly number[]]> {
  const { hiddenSize: e, innerSize: i, vocabSize, contextLength } = config;
  yield [EMBEDDING, [vocabSize, e]];
  yield ['wpe.weight', [contextLength, e]];
  for (let layer = 0; layer < config.numLayers; layer++) {
    yield* norm(`h.${layer}.ln_1`, e);
    yield* linear(`h.${layer}.attn.c_attn`, e, 3 * e);
    yield* linear(`h.${layer}.attn.c_proj`, e, e);
    yield* norm(`h.${layer}.ln_2`, e);
    yield* linear(`h.${layer}.mlp.c_fc`, e, i);
    yield* linear(`h.${layer}.mlp.c_proj`, i, e);
  }
  yield* norm('ln_f', e);
  if (!config.tiedEmbedding) yield [HEAD, [vocabSize, e]];
}

function* norm(name: string, width: number): Generator<[string, readonly number[]]> {
  yield [`${name}.weight`, [width]];
  yield [`${name}.bias`, [width]];
}

function* linear(name: string, inputs: number, outputs: number): Generator<[string, readonly number[]]> {
  yield [`${name}.weight`, [inputs, outputs]];
  yield [`${name}.bias`, [outputs]];
}

function weightFiles(directory: string): string[] {
  if (existsSync(join(directory, 'model.safetensors'))) return ['model.safetensors'];
  const index = 'model.safetensors.index.json';
  if (!existsSync(join(directory, index))) {
    const pickle = existsSync(join(directory, 'pytorch_model.bin'));
    const hint = pickle
      ? ' pytorch_model.bin is a pickle, which can run code when it is read: convert it.'
      : '';
    throw refuse(`${directory} holds neither model.safetensors nor ${index}.${hint}`);
  }
  const map: unknown = (JSON.parse(readText(directory, index)) as { weight_map?: unknown }).weight_map;
  const files = [...new Set(Object.values(map ?? {}))];
  for (const file of files) {
    if (typeof file !== 'string' || basename(file) !== file)
      throw refuse(`${index} names a file outside the folder.`);
    if (!existsSync(join(directory, file))) throw refuse(`${index} names ${file}, which is missing.`);
  }
  return files as string[];
}

function readText(directory: string, file: string): string {
  try {
    return readFileSync(join(directory, file), 'utf8');
  } catch (cause) {
    throw refuse(`${join(directory, file)} can't be read: ${(cause as NodeJS.ErrnoException).code}.`, cause);
  }
}

function refuse(problem: string, cause?: unknown): EngineError {
  return new EngineError('MODEL_LOAD_FAILED', problem, { cause });
}
