import { openCheckpoint } from './model/checkpoint.js';
import { parseGpt2Config } from './model/gpt2-config.js';
import { checkVocabulary } from './model/vocabulary.js';

/** What a checkpoint folder holds. */
export interface CheckpointSummary {
  /** A tied embedding counted once. */
  readonly numParameters: number;
  /** The most tokens of prompt and completion together. */
  readonly contextLength: number;
}

/**
 * Looks at a checkpoint without loading it: whether this engine can serve it, as far as its files' headers tell. Blocks
 * for some milliseconds.
 *
 * @throws EngineError MODEL_LOAD_FAILED in one line: which file or tensor is missing or wrong, and how.
 */
export function inspectCheckpoint(directory: string): CheckpointSummary {
  const checkpoint = openCheckpoint(directory);
  checkVocabulary(checkpoint);
  return { numParameters: checkpoint.numParameters, contextLength: checkpoint.config.contextLength };
}

/**
 * Looks at a `config.json` alone, as long as there are no weights yet.
 *
 * @throws EngineError MODEL_LOAD_FAILED naming what is not GPT-2's.
 */
export function inspectConfig(json: string): void {
  parseGpt2Config(json);
}
