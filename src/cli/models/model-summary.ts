import type { ModelInfo } from '../../engine/index.js';

/** Describes a model in one line: its id, its state and, once they are known, its size, context and precision. */
export function summarizeModel({ id, state, shape }: ModelInfo): string {
  const facts = [id, state === 'unloaded' ? 'loads with the first request' : state];
  if (shape !== undefined) {
    const { numParameters, contextLength, precision } = shape;
    facts.push(`${formatCount(numParameters)} parameters`, `context ${contextLength}`, precision);
  }
  return facts.join(' · ');
}

/** Writes a number of parameters in the unit that suits it: 124439808 is `124.4M`. */
export function formatCount(count: number): string {
  if (count >= 1e9) return `${(count / 1e9).toFixed(1)}B`;
  return count >= 1e6 ? `${(count / 1e6).toFixed(1)}M` : `${(count / 1e3).toFixed(1)}k`;
}
