/** A token that could have come. */
export interface Alternative {
  /** The token as the service names it: its text, or `bytes:` and its bytes where they are no whole characters. */
  readonly name: string;
  /** The natural logarithm of its probability. */
  readonly logprob: number;
}

/** One token of a completion. */
export interface Token extends Alternative {
  /** The characters that the token completes: none where its bytes end within a character. */
  readonly text: string;
  /** The most probable tokens at its place and itself, the most probable first. */
  readonly alternatives: readonly Alternative[];
  /** Whether another token could take its place: whether it begins a character. */
  readonly isReplaceable: boolean;
  /** Whether it was taken in place of another one. */
  readonly isTaken: boolean;
}

/** The token that ends a text. */
export const END_OF_TEXT = '<|endoftext|>';

/** Says a token's name with its spaces and line breaks visible. */
export function toVisible(name: string): string {
  if (name === END_OF_TEXT) return 'end of text';
  return name.replaceAll(' ', '·').replaceAll('\n', '↵').replaceAll('\t', '⇥');
}

/** Says a token's name so that it can be heard. */
export function toSpoken(name: string): string {
  if (name === END_OF_TEXT) return 'end of text';
  if (name.startsWith('bytes:')) return 'part of a character';
  if (name === '') return 'nothing';
  if (name.trim() !== '') return name.trim();
  return name.includes('\n') ? 'line break' : 'space';
}

/** Says a probability in percent: `43 %`, `0.2 %`, `under 0.1 %`. */
export function toPercent(logprob: number): string {
  const percent = Math.exp(logprob) * 100;
  if (percent < 0.1) return 'under 0.1 %';
  return `${percent < 9.95 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** The lower bounds of the steps in which probability is shown, the most probable one first. */
export const PROBABILITY_STEPS = [0.5, 0.2, 0.1, 0.03, 0.01, 0] as const;

/** Tells in which of the steps a probability is; 0 for the most probable. */
export function toStep(logprob: number): number {
  const probability = Math.exp(logprob);
  return PROBABILITY_STEPS.findIndex((bound) => probability >= bound);
}
