import type { GenerateRequest as WireRequest } from '../../contract/gen/linnet/v1/completion.js';
import { invalidField } from './invalid-field.js';

const MAX_CHOICES = 128;
const MAX_BEST_OF = 20;
const MAX_CANDIDATES = 2048;
const MAX_LOGPROBS = 5;

/** How many completions are made of each prompt, and how many of them are told. */
export interface ChoiceCounts {
  readonly n: number;
  readonly bestOf: number;
}

/**
 * Parses the fields that say how many choices there are.
 *
 * @param numPrompts the request's; all candidates together are bounded
 * @throws EngineError INVALID_FIELD, naming the field.
 */
export function parseChoiceCounts(wire: WireRequest, numPrompts: number): ChoiceCounts {
  const { n = 1, bestOf: given = 0 } = wire;
  if (n < 1 || n > MAX_CHOICES) {
    throw invalidField({ field: 'n', mustBe: `between 1 and ${MAX_CHOICES}`, got: n });
  }
  if (given !== 0 && (given < n || given > MAX_BEST_OF)) {
    const mustBe = `0, or at least \`n\`, ${n}, and at most ${MAX_BEST_OF}`;
    throw invalidField({ field: 'best_of', mustBe, got: given });
  }
  const bestOf = given === 0 ? n : given;
  if (numPrompts * bestOf <= MAX_CANDIDATES) return { n, bestOf };
  throw invalidField({
    field: bestOf > n ? 'best_of' : 'n',
    mustBe: `at most ${Math.floor(MAX_CANDIDATES / numPrompts)} with ${numPrompts} prompts, so that there are no more than ${MAX_CANDIDATES} candidates in all`,
    got: bestOf,
  });
}

/**
 * Parses how many most probable tokens are told beside each token.
 *
 * @throws EngineError INVALID_FIELD.
 */
export function parseLogprobs(logprobs: number): number {
  if (logprobs <= MAX_LOGPROBS) return logprobs;
  throw invalidField({ field: 'logprobs', mustBe: `between 0 and ${MAX_LOGPROBS}`, got: logprobs });
}
