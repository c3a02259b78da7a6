/** How the next token is chosen. Every field is in range: whoever makes one has checked it. */
export interface SamplingParams {
  /** Divides the logits, in [0, 2]; 0 is greedy. */
  readonly temperature: number;
  /** Keeps the most probable tokens whose probabilities sum to at least this, in [0, 1]; 1 keeps all. */
  readonly topP: number;
  /** Keeps this many most probable tokens; 0 keeps all. */
  readonly topK: number;
  /** Makes the choice repeatable: a token is a function of logits, seed and position. Signed 64 bits. */
  readonly seed: bigint;
}
