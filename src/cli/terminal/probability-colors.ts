import pc from 'picocolors';
import type { Delta } from '../../contract/gen/linnet/v1/completion.js';

/** Makes the text of a delta, as it is to be written. */
export type DeltaPainter = (delta: Delta) => string;

/** The terminal's own colours, which its theme has made fit to read: the least probability of each, and its name. */
const SCALE = [
  { atLeast: 0.5, name: 'green' },
  { atLeast: 0.2, name: 'cyan' },
  { atLeast: 0.05, name: 'yellow' },
  { atLeast: 0, name: 'red' },
] as const;

type ColorName = (typeof SCALE)[number]['name'];

/** A token of which text is still to come. */
interface PendingToken {
  /** In characters from the start of the prompt. */
  readonly textOffset: number;
  readonly logprob: number;
}

const colors = pc.createColors(true);

/** Explains the colours in one line. */
export const COLOR_LEGEND = SCALE.map(({ atLeast, name }, index) => {
  const isLast = index === SCALE.length - 1;
  return colors[name](`${name} ${isLast ? 'less' : `at least ${atLeast * 100} %`}`);
}).join(' · ');

/**
 * Makes a painter for the deltas of one choice, in their order, which must have log-probabilities: each token's text
 * gets the colour of the token's probability. A character of several tokens has that of the least probable one.
 */
export function createProbabilityPainter(): DeltaPainter {
  const pending: PendingToken[] = [];
  let position: number | undefined;
  let color: ColorName = 'green';

  /** Moves to a character, and takes the colour of the tokens that begin there, if any do. */
  const advanceTo = (offset: number) => {
    let least = 0;
    let hasBegun = false;
    while (pending[0] !== undefined && pending[0].textOffset <= offset) {
      least = Math.min(least, pending.shift()?.logprob ?? 0);
      hasBegun = true;
    }
    if (hasBegun) color = colorOf(least);
  };

  return ({ text, logprobs }) => {
    pending.push(...logprobs.map(({ textOffset, logprob = 0 }) => ({ textOffset, logprob })));
    position ??= pending[0]?.textOffset ?? 0;
    const runs: { color: ColorName; text: string }[] = [];
    for (const character of text) {
      advanceTo(position);
      position += 1;
      const last = runs.at(-1);
      if (last?.color === color) last.text += character;
      else runs.push({ color, text: character });
    }
    return runs.map((run) => colors[run.color](run.text)).join('');
  };
}

function colorOf(logprob: number): ColorName {
  const probability = Math.exp(logprob);
  return SCALE.find(({ atLeast }) => probability >= atLeast)?.name ?? 'red';
}
