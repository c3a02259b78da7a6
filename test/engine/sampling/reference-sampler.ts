import type { SamplingParams } from '../../../src/engine/sampling/sampling-params.js';

/** A token that is kept, and the sum of the kept probabilities before and with it. */
export interface KeptToken {
  readonly id: number;
  readonly from: number;
  readonly to: number;
}

/** What the sampler must agree with: everything sorted, everything in float64, `Math.exp`, no shortcut. */
export function keptTokens(logits: Float32Array, params: SamplingParams): KeptToken[] {
  const order = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b);
  if (params.temperature === 0) return [{ id: order[0]!, from: 0, to: 1 }];
  const topK = params.topK === 0 ? order.length : Math.min(params.topK, order.length);
  const best = logits[order[0]!]!;
  const weights = order
    .slice(0, topK)
    .map((id) => Math.exp((logits[id]! - best) / params.temperature))
    .filter((weight) => weight >= params.minP);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const kept: number[] = [];
  let mass = 0;
  for (const weight of weights) {
    if (kept.length > 0 && params.topP < 1 && mass >= params.topP * total) break;
    kept.push(weight);
    mass += weight;
  }
  let sum = 0;
  return kept.map((weight, i) => {
    const from = sum / mass;
    sum += weight;
    return { id: order[i]!, from, to: sum / mass };
  });
}

/** What a sequence has come to when its next token is chosen. */
export interface SequenceSoFar {
  readonly promptIds: readonly number[];
  readonly generatedIds: readonly number[];
  readonly endIds: readonly number[];
}

/** What a logits processor must agree with: every logit by its own, in float64, from the whole history. */
export function processedLogits(
  logits: Float32Array,
  params: SamplingParams,
  { promptIds, generatedIds, endIds }: SequenceSoFar,
): Float64Array {
  return Float64Array.from(logits, (original, id) => {
    const count = generatedIds.filter((generated) => generated === id).length;
    let logit = original + (params.logitBias.get(id) ?? 0);
    if (count > 0 || promptIds.includes(id)) {
      logit = logit < 0 ? logit * params.repetitionPenalty : logit / params.repetitionPenalty;
    }
    logit -= params.frequencyPenalty * count;
    if (count > 0) logit -= params.presencePenalty;
    const isBanned = generatedIds.length < params.minTokens && endIds.includes(id);
    return isBanned ? -Infinity : logit;
  });
}
