/** How long to wait before an attempt. */
export interface LoadRetryOptions {
  /** Before the first; it doubles with each. Milliseconds. */
  readonly delayMs: number;
  /** The longest wait; after as long without trouble the first wait is short again. Milliseconds. */
  readonly maxDelayMs: number;
}

/** The models that are tried again. */
export interface RetriedModels {
  /** Whether one of them should be loaded: none can serve, or one was lost. */
  needLoading(): boolean;
  /** Tries to load what should be. Never throws. */
  load(): Promise<void>;
}

/**
 * Tries to load again when no model can serve, or one was lost. A router that asks for readiness sends no request then
 * that would try; without this such a service would stay unready for ever, mended or not.
 */
export class LoadRetry {
  readonly #models: RetriedModels;
  readonly #options: LoadRetryOptions;
  #timer: NodeJS.Timeout | undefined;
  #numTries = 0;
  #wellSinceMs: number | undefined;
  #closed = false;

  constructor(models: RetriedModels, options: LoadRetryOptions) {
    this.#models = models;
    this.#options = options;
  }

  /** Hears of each change of a model's state. */
  update(): void {
    const { delayMs, maxDelayMs } = this.#options;
    if (!this.#models.needLoading()) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#wellSinceMs ??= performance.now();
    } else if (this.#timer === undefined && !this.#closed) {
      if (performance.now() - (this.#wellSinceMs ?? Number.POSITIVE_INFINITY) > maxDelayMs)
        this.#numTries = 0;
      this.#wellSinceMs = undefined;
      const wait = Math.min(delayMs * 2 ** this.#numTries++, maxDelayMs);
      this.#timer = setTimeout(() => void this.#try(), wait).unref();
    }
  }

  /** Tries no more. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #try(): Promise<void> {
    await this.#models.load();
    this.#timer = undefined;
    this.update();
  }
}
