import { existsSync, readdirSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSafetensors, readTensorBytes } from '../../src/engine/model/safetensors.js';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../fixtures');

/** More checkpoints to test with, made by test/fixtures/make_checkpoints.py --random. */
const MORE = process.env['LINNET_TEST_CHECKPOINTS'];

/** A checkpoint folder of test/fixtures, or one of those that the environment adds. */
export function fixtureCheckpoint(name: string): string {
  return isAbsolute(name) ? name : join(ROOT, 'checkpoints', name);
}

/** All checkpoint fixtures by name; those that the environment adds by their path. */
export function fixtureNames(): string[] {
  const more = MORE === undefined ? [] : readdirSync(MORE).map((name) => resolve(MORE, name));
  return [...readdirSync(join(ROOT, 'checkpoints')), ...more].filter((name) =>
    existsSync(join(fixtureCheckpoint(name), 'reference.safetensors')),
  );
}

/** What Hugging Face transformers computed for a checkpoint. */
export interface Reference {
  readonly inputIds: Int32Array;
  /** f32 [logitPositions.length, vocabulary]. */
  readonly logits: Float32Array;
  readonly logitPositions: Int32Array;
  readonly greedyPromptIds: Int32Array;
  readonly greedyIds: Int32Array;
  readonly perplexity: number;
}

export function readReference(name: string): Reference {
  const tensors = readSafetensors(join(fixtureCheckpoint(name), 'reference.safetensors'));
  const bytes = (key: string) => readTensorBytes(tensors.get(key)!).buffer;
  return {
    inputIds: new Int32Array(bytes('input_ids')),
    logits: new Float32Array(bytes('logits')),
    logitPositions: new Int32Array(bytes('logit_positions')),
    greedyPromptIds: new Int32Array(bytes('greedy_prompt_ids')),
    greedyIds: new Int32Array(bytes('greedy_ids')),
    perplexity: new Float32Array(bytes('perplexity'))[0]!,
  };
}
