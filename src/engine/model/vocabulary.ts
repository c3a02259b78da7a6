import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../engine-error.js';
import type { Checkpoint } from './checkpoint.js';

const GPT2_VOCAB_SIZE = 50_257;
/** SHA-256 of GPT-2's tokens by id, and of its merges by rank, one a line, in the characters of `vocab.json`. */
const GPT2_TOKENS = 'e35a33a0b2250c932ffdafc4c3a3552aef0cc7af7a11e9ebfddf1d2a6517371f';
const GPT2_MERGES = '04e3597d7996f292ca9b8b7285ca4d58a6ae171ac47d73fc7140ceb0c7a6bbc0';

/**
 * Checks that a checkpoint speaks GPT-2's vocabulary: text is made with GPT-2's tokenizer, so a model that was trained
 * with another would answer nonsense. A folder may come without a tokenizer; then the size of the vocabulary counts.
 *
 * @throws EngineError MODEL_LOAD_FAILED that names the file.
 */
export function checkVocabulary({ directory, config: { vocabSize } }: Checkpoint): void {
  if (vocabSize !== GPT2_VOCAB_SIZE) {
    throw refuse(
      `config.json: \`vocab_size\` must be ${GPT2_VOCAB_SIZE}, the size of GPT-2's vocabulary; got ${vocabSize}.`,
    );
  }
  const has = (file: string) => existsSync(join(directory, file));
  if (has('vocab.json')) checkTokens(parse(directory, 'vocab.json'), 'vocab.json');
  if (has('merges.txt'))
    checkMerges(mergesOf(readFileSync(join(directory, 'merges.txt'), 'utf8')), 'merges.txt');
  // It says the same in a form that takes longer to read.
  if (has('tokenizer.json') && !(has('vocab.json') && has('merges.txt'))) {
    const { model } = parse(directory, 'tokenizer.json') as { model?: { vocab?: unknown; merges?: unknown } };
    checkTokens(model?.vocab, 'tokenizer.json');
    const merges = Array.isArray(model?.merges) ? model.merges : [];
    checkMerges(
      merges.map((merge) => (Array.isArray(merge) ? merge.join(' ') : String(merge))),
      'tokenizer.json',
    );
  }
}

function checkTokens(vocabulary: unknown, file: string): void {
  const tokens: string[] = [];
  for (const [token, id] of Object.entries(vocabulary ?? {})) {
    if (Number.isInteger(id) && id >= 0 && id < GPT2_VOCAB_SIZE) tokens[id] = token;
  }
  if (digestOf(tokens) !== GPT2_TOKENS) throw notGpt2(file, 'tokens');
}

function checkMerges(merges: readonly string[], file: string): void {
  if (digestOf(merges) !== GPT2_MERGES) throw notGpt2(file, 'merges');
}

/** The lines of `merges.txt`, without the one that says the version. */
function mergesOf(text: string): string[] {
  const lines = text.split('\n').map((line) => line.replace(/\r$/, ''));
  return lines.filter((line, index) => line !== '' && !(index === 0 && line.startsWith('#version')));
}

function digestOf(lines: readonly string[]): string {
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

function parse(directory: string, file: string): object {
  try {
    return JSON.parse(readFileSync(join(directory, file), 'utf8'));
  } catch (cause) {
    throw refuse(`${file}: not valid JSON.`, cause);
  }
}

function notGpt2(file: string, what: string): EngineError {
  return refuse(
    `${file}: its ${what} are not GPT-2's. Only models that were trained with GPT-2's tokenizer can be served.`,
  );
}

function refuse(problem: string, cause?: unknown): EngineError {
  return new EngineError('MODEL_LOAD_FAILED', problem, { cause });
}
