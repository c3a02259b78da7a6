import { randomBytes } from 'node:crypto';
import type { GenerateRequest as WireRequest } from '../../contract/gen/linnet/v1/completion.js';
import { DEFAULT_SAMPLING, type SamplingParams } from '../../engine/index.js';
import { invalidField } from './invalid-field.js';

const MAX_BIASES = 1024;
const MAX_STOP_TOKENS = 4;

/** A number of a request, by its name in the proto. */
interface NumberField {
  readonly field: string;
  readonly min: number;
  readonly max: number;
}

const TEMPERATURE = { field: 'temperature', min: 0, max: 2 };
const TOP_P = { field: 'top_p', min: 0, max: 1 };
const MIN_P = { field: 'min_p', min: 0, max: 1 };
const PRESENCE_PENALTY = { field: 'presence_penalty', min: -2, max: 2 };
const FREQUENCY_PENALTY = { field: 'frequency_penalty', min: -2, max: 2 };

/**
 * Parses the fields that say how tokens are chosen, and which end the completion. What is unset gets the engine's
 * default, the seed a new one.
 *
 * @param maxTokens the request's, which `min_tokens` must not exceed.
 * @throws EngineError INVALID_FIELD, naming the field.
 */
export function parseSampling(wire: WireRequest, maxTokens: number): SamplingParams {
  const defaults = DEFAULT_SAMPLING;
  return {
    temperature: parseNumber(wire.temperature ?? defaults.temperature, TEMPERATURE),
    topP: parseNumber(wire.topP ?? defaults.topP, TOP_P),
    topK: wire.topK ?? defaults.topK,
    minP: parseNumber(wire.minP ?? defaults.minP, MIN_P),
    seed: wire.seed ?? drawSeed(),
    presencePenalty: parseNumber(wire.presencePenalty ?? defaults.presencePenalty, PRESENCE_PENALTY),
    frequencyPenalty: parseNumber(wire.frequencyPenalty ?? defaults.frequencyPenalty, FREQUENCY_PENALTY),
    repetitionPenalty: parseRepetitionPenalty(wire.repetitionPenalty ?? defaults.repetitionPenalty),
    logitBias: parseLogitBias(wire.logitBias),
    minTokens: parseMinTokens(wire.minTokens ?? defaults.minTokens, maxTokens),
    stopTokenIds: parseStopTokenIds(wire.stopTokenIds),
    ignoreEos: wire.ignoreEos ?? defaults.ignoreEos,
  };
}

/** Parses a number in [min, max]; NaN is in no range. */
function parseNumber(value: number, { field, min, max }: NumberField): number {
  if (value >= min && value <= max) return value;
  throw invalidField({ field, mustBe: `between ${min} and ${max}`, got: value });
}

function parseRepetitionPenalty(penalty: number): number {
  if (penalty > 0 && penalty <= 2) return penalty;
  const mustBe = 'greater than 0 and at most 2';
  throw invalidField({ field: 'repetition_penalty', mustBe, got: penalty });
}

/** Draws a seed of 53 bits, so that a caller can send it back also as a JSON number. */
function drawSeed(): bigint {
  return randomBytes(8).readBigUInt64BE() >> 11n;
}

function parseLogitBias(wire: WireRequest['logitBias']): ReadonlyMap<number, number> {
  const entries = Object.entries(wire);
  if (entries.length > MAX_BIASES) {
    throw invalidField({ field: 'logit_bias', mustBe: `at most ${MAX_BIASES} entries`, got: entries.length });
  }
  return new Map(
    entries.map(([id, bias]) => [
      Number(id),
      parseNumber(bias, { field: `logit_bias[${id}]`, min: -100, max: 100 }),
    ]),
  );
}

function parseMinTokens(minTokens: number, maxTokens: number): number {
  if (minTokens <= maxTokens) return minTokens;
  throw invalidField({ field: 'min_tokens', mustBe: `at most \`max_tokens\`, ${maxTokens}`, got: minTokens });
}

function parseStopTokenIds(ids: readonly number[]): readonly number[] {
  if (ids.length <= MAX_STOP_TOKENS) return ids;
  throw invalidField({
    field: 'stop_token_ids',
    mustBe: `at most ${MAX_STOP_TOKENS} token ids`,
    got: ids.length,
  });
}
