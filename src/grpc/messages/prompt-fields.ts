import type { GenerateRequest, Prompt as WirePrompt } from '../../contract/gen/linnet/v1/completion.js';
import { EngineError, type Prompt } from '../../engine/index.js';
import { invalidField } from './invalid-field.js';

/** The document separator `<|endoftext|>`: what an absent prompt stands for. */
const END_OF_TEXT = 50256;
const MAX_PROMPTS = 2048;
const HOW_TO_ASK_FOR_NONE = '; leave it unset to begin a new document';

/** What stands in for a prompt that is not given: the beginning of a new document. */
export function newDocument(field: string): Prompt {
  return { field, input: [END_OF_TEXT] };
}

/**
 * Parses the prompts of a request to generate: one, several, or none, which stands for a new document.
 *
 * @throws EngineError INVALID_FIELD, naming the field.
 */
export function parsePrompts({ input, prompts }: GenerateRequest): readonly Prompt[] {
  if (input !== undefined && prompts.length > 0) {
    const other = input.$case === 'prompt' ? 'prompt' : 'prompt_token_ids';
    throw invalidField({
      field: 'prompts',
      mustBe: `left empty where \`${other}\` is set`,
      got: prompts.length,
    });
  }
  if (input?.$case === 'prompt') return [parseInput('prompt', input.value, HOW_TO_ASK_FOR_NONE)];
  if (input?.$case === 'promptTokenIds') {
    return [parseInput('prompt_token_ids', input.value.ids, HOW_TO_ASK_FOR_NONE)];
  }
  return prompts.length > 0 ? parseTexts('prompts', prompts) : [newDocument('prompt')];
}

/**
 * Parses a list of texts, at most 2,048.
 *
 * @throws EngineError INVALID_FIELD, naming the field, with its place in the list.
 */
export function parseTexts(field: string, texts: readonly WirePrompt[]): readonly Prompt[] {
  if (texts.length <= MAX_PROMPTS) return texts.map((text, i) => parseText(`${field}[${i}]`, text));
  throw invalidField({ field, mustBe: `at most ${MAX_PROMPTS} texts`, got: texts.length });
}

/**
 * Parses a text, as characters or as tokens.
 *
 * @throws EngineError INVALID_FIELD, naming the field.
 */
export function parseText(field: string, { input }: WirePrompt): Prompt {
  if (input?.$case === 'text') return parseInput(`${field}.text`, input.value);
  if (input?.$case === 'tokenIds') return parseInput(`${field}.token_ids`, input.value.ids);
  throw new EngineError('INVALID_FIELD', `\`${field}\` must have \`text\` or \`token_ids\`.`, { field });
}

function parseInput(field: string, input: string | readonly number[], advice = ''): Prompt {
  if (input.length > 0) return { field, input };
  throw new EngineError('INVALID_FIELD', `\`${field}\` must not be empty${advice}.`, { field });
}
