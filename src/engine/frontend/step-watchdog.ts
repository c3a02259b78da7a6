/** How long a step that seems to take too long has to prove that only its message was late. */
const CONFIRM_MS = 250;

/**
 * Notices a worker that makes no progress: it owes a sign of life, and gives none within the limit. It owes one from the
 * first request that it gets until it says that nothing is left to do.
 */
export class StepWatchdog {
  readonly #limitMs: number;
  readonly #onChange: () => void;
  #timer: NodeJS.Timeout | undefined;
  #isSuspected = false;
  #isStuck = false;

  /** @param onChange Called whenever `isStuck` has changed. */
  constructor(limitMs: number, onChange: () => void) {
    this.#limitMs = limitMs;
    this.#onChange = onChange;
  }

  /** Whether the worker has made no progress for longer than the limit. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** The worker has got work, and owes a sign of life from now on. */
  expect(): void {
    this.#timer ??= setTimeout(() => this.#suspect(), this.#limitMs).unref();
  }

  /** The worker has spoken. */
  alive(hasWork: boolean): void {
    if (hasWork && !this.#isSuspected) {
      this.#timer?.refresh(); // Each step comes this way.
      return;
    }
    this.stop();
    if (hasWork) this.expect();
    if (this.#isStuck) this.#become(false);
  }

  /** Nothing is owed any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isSuspected = false;
  }

  // After this thread itself has been held up, the timer comes first, and then the messages that have piled up.
  #suspect(): void {
    this.#isSuspected = true;
    this.#timer = setTimeout(() => this.#become(true), CONFIRM_MS).unref();
  }

  #become(isStuck: boolean): void {
    this.#isStuck = isStuck;
    this.#onChange();
  }
}
