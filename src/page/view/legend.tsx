import { PROBABILITY_STEPS } from '../run/token.js';

/** Says what the colours mean. */
export function Legend() {
  return (
    <p class="legend">
      <span>Probability</span>
      {PROBABILITY_STEPS.map((bound, step) => (
        <span key={bound} class={`swatch step-${step}`}>
          {bound === 0 ? 'less' : `${bound * 100} %`}
        </span>
      ))}
    </p>
  );
}
