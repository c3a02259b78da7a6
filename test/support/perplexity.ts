/**
 * Computes the exponential of the mean loss of each token from the second on, given those before it.
 *
 * @param logits f32 [ids.length, vocabSize]
 */
export function perplexityOf(logits: Float32Array, ids: ArrayLike<number>, vocabSize: number): number {
  let loss = 0;
  for (let position = 0; position + 1 < ids.length; position++) {
    const row = logits.subarray(position * vocabSize, (position + 1) * vocabSize);
    const greatest = row.reduce((a, b) => Math.max(a, b));
    const total = row.reduce((sum, logit) => sum + Math.exp(logit - greatest), 0);
    loss += Math.log(total) + greatest - row[ids[position + 1]!]!;
  }
  return Math.exp(loss / (ids.length - 1));
}
