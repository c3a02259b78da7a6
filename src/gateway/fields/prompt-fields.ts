import type { Prompt } from '../../contract/gen/linnet/v1/completion.js';
import {
  findBadTokenId,
  hasLoneSurrogate,
  type Parsed,
  type Problem,
  parsedBy,
  SURROGATE,
  TOKEN_ID,
  TOKEN_ID_SCHEMA,
} from './field-types.js';

/** The most prompts of one request. */
const MAX_PROMPTS = 2048;

const ONE = 'must be a string or a list of token ids, not empty';
const LIST = `${ONE}, or a list of these`;
const TOO_MANY = `must hold at most ${MAX_PROMPTS} texts or lists of token ids`;

const TEXT_SCHEMA = { type: 'string', minLength: 1 };
const TOKENS_SCHEMA = { type: 'array', items: TOKEN_ID_SCHEMA, minItems: 1 };
const ONE_SCHEMA = { anyOf: [TEXT_SCHEMA, TOKENS_SCHEMA] };
const LIST_SCHEMA = {
  anyOf: [...ONE_SCHEMA.anyOf, { type: 'array', items: ONE_SCHEMA, minItems: 1, maxItems: MAX_PROMPTS }],
};

/** Makes the type of one text, or of its token ids. */
export function prompt() {
  return parsedBy<Prompt>((value) => parseOne(value, { path: [], form: ONE }), ONE_SCHEMA);
}

/** Makes the type of a text or a list of token ids, or of a list of such, in which the two may be mixed. */
export function prompts() {
  return parsedBy<Prompt[]>(parseList, LIST_SCHEMA);
}

function parseList(value: unknown): Parsed<Prompt[]> {
  // A list of numbers is one prompt; any other list holds one in each place.
  if (!Array.isArray(value) || value.length === 0 || typeof value[0] === 'number') {
    const { problem, parsed } = parseOne(value, { path: [], form: LIST });
    return problem ? { problem } : { parsed: [parsed] };
  }
  if (value.length > MAX_PROMPTS) return { problem: { message: TOO_MANY } };
  const list: Prompt[] = [];
  for (const [index, element] of value.entries()) {
    const { problem, parsed } = parseOne(element, { path: [index], form: ONE });
    if (problem) return { problem };
    list.push(parsed);
  }
  return { parsed: list };
}

interface Place {
  readonly path: readonly number[];
  /** What is said of a value that has neither form. */
  readonly form: string;
}

// One pass by hand, which stops at the first wrong id: a prompt may hold half a million.
function parseOne(value: unknown, { path, form }: Place): Parsed<Prompt> {
  const refuse = (message: string, ...at: number[]): { problem: Problem } => ({
    problem: { message, path: [...path, ...at] },
  });
  if (typeof value === 'string' && value !== '') {
    if (hasLoneSurrogate(value)) return refuse(SURROGATE);
    return { parsed: { input: { $case: 'text', value } } };
  }
  if (!Array.isArray(value) || value.length === 0) return refuse(form);
  const index = findBadTokenId(value);
  if (index !== -1) return refuse(TOKEN_ID, index);
  return { parsed: { input: { $case: 'tokenIds', value: { ids: value } } } };
}
