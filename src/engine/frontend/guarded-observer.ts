import type { StepStats } from '../core/step-output.js';
import type { EngineObserver } from '../observer.js';

/** Stands before an observer: what it throws becomes a warning of the process, and costs no request anything. */
export class GuardedObserver implements EngineObserver {
  readonly #observer: EngineObserver;

  constructor(observer: EngineObserver) {
    this.#observer = observer;
  }

  onStep(model: string, stats: StepStats): void {
    try {
      this.#observer.onStep(model, stats);
    } catch (error) {
      warn(error);
    }
  }

  // Called for each token: no closure is made.
  onTokenGap(model: string, gapMs: number): void {
    try {
      this.#observer.onTokenGap(model, gapMs);
    } catch (error) {
      warn(error);
    }
  }
}

/** Tells a listener something; what it throws becomes a warning of the process. */
export function tell<T>(listener: ((value: T) => void) | undefined, value: T): void {
  try {
    listener?.(value);
  } catch (error) {
    warn(error);
  }
}

const warned = new Set<string>();
const MAX_WARNED = 100;

/** Warns of each message once: an observer that fails does so for every token. */
function warn(error: unknown): void {
  const text = `An observer of the engine failed: ${error instanceof Error ? error.message : String(error)}`;
  if (warned.has(text) || warned.size >= MAX_WARNED) return;
  warned.add(text);
  process.emitWarning(text, {
    type: 'LinnetWarning',
    detail: error instanceof Error ? (error.stack ?? '') : '',
  });
}
