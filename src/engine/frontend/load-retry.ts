/** How long to wait between two attempts. */
export interface LoadRetryOptions {
  /** After the first failure; it doubles with each. Milliseconds. */
  readonly delayMs: number;
  /** The longest wait. Milliseconds. */
  readonly maxDelayMs: number;
}

/** The models that are tried again. */
export interface RetriedModels {
  /** Whether the last attempt to load failed for every one of them. */
  haveAllFailed(): boolean;
  /** Tries to load one of them. Never throws. */
  load(): Promise<void>;
}

/**
 * Tries to load again when no model can serve. A router that asks for readiness sends no request then that would try;
 * without this such a service would stay unready for ever, mended or not.
 */
export class LoadRetry {
  readonly #models: RetriedModels;
  readonly #options: LoadRetryOptions;
  #timer: NodeJS.Timeout | undefined;
  #numFailures = 0;
  #closed = false;

  constructor(models: RetriedModels, options: LoadRetryOptions) {
    this.#models = models;
    this.#options = options;
  }

  /** Hears of each change of a model's state. */
  update(): void {
    if (!this.#models.haveAllFailed()) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#numFailures = 0;
    } else if (this.#timer === undefined && !this.#closed) {
      const { delayMs, maxDelayMs } = this.#options;
      const wait = Math.min(delayMs * 2 ** this.#numFailures++, maxDelayMs);
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
