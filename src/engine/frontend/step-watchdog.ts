/** How long a step that seems to take too long has to prove that only its message was late. */
const CONFIRM_MS = 250;
/** A worker that is stuck may come back for so many limits more, before nobody waits for it any longer. */
const PATIENCE_LIMITS = 2;

/** Who is told of a worker that makes no progress. */
export interface StepWatchdogListeners {
  /** {@link StepWatchdog.isStuck} has changed. */
  readonly onChange: () => void;
  /** It has been stuck for so long that it won't come back. Told once. */
  readonly onGiveUp: () => void;
}

/**
 * Notices a worker that makes no progress: it owes a sign of life, and gives none within the limit. It owes one from the
 * first request that it gets until it says that nothing is left to do.
 */
export class StepWatchdog {
  readonly #limitMs: number;
  readonly #listeners: StepWatchdogListeners;
  #timer: NodeJS.Timeout | undefined;
  #isSuspected = false;
  #isStuck = false;

  /** @param limitMs How long a step may take; after three times that, nobody waits for it any longer. */
  constructor(limitMs: number, listeners: StepWatchdogListeners) {
    this.#limitMs = limitMs;
    this.#listeners = listeners;
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
    this.#timer = setTimeout(() => this.#confirm(), CONFIRM_MS).unref();
  }

  #confirm(): void {
    const { onGiveUp } = this.#listeners;
    this.#timer = setTimeout(onGiveUp, this.#limitMs * PATIENCE_LIMITS).unref();
    this.#become(true);
  }

  #become(isStuck: boolean): void {
    this.#isStuck = isStuck;
    this.#listeners.onChange();
  }
}
