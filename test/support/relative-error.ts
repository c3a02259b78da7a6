import type { Reference } from './fixtures.js';

/** The root mean square of the logits' errors, beside that of what transformers computed. */
export function relativeError(
  logits: Float32Array,
  { logits: expected, logitPositions }: Reference,
  vocabSize: number,
): number {
  let [squaredError, squared] = [0, 0];
  for (const [row, position] of logitPositions.entries()) {
    for (let token = 0; token < vocabSize; token++) {
      const reference = expected[row * vocabSize + token]!;
      squaredError += (logits[position * vocabSize + token]! - reference) ** 2;
      squared += reference ** 2;
    }
  }
  return Math.sqrt(squaredError / squared);
}
