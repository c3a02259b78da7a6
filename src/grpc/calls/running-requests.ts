import { EngineError } from '../../engine/index.js';

/** Ends a running request with a reason. */
type Abort = (reason: EngineError) => void;

const RETRY_AFTER_MS = 1000;

/** The requests to generate or to score that are running: to cancel them by key, and to wait for the last when the service drains. */
export class RunningRequests {
  readonly #requests = new Set<Abort>();
  readonly #byKey = new Map<string, Set<Abort>>();
  readonly #onIdle: (() => void)[] = [];
  #refusing = false;

  /** How many there are. */
  get size(): number {
    return this.#requests.size;
  }

  /**
   * Adds a request. Requests may share a cancel key.
   *
   * @returns Removes it again.
   * @throws EngineError ENGINE_UNAVAILABLE once the service drains.
   */
  add(abort: Abort, cancelKey: string | undefined): () => void {
    if (this.#refusing) {
      const text = 'The service is shutting down; another instance, or a restarted one, can answer.';
      throw new EngineError('ENGINE_UNAVAILABLE', text, { retryAfterMs: RETRY_AFTER_MS });
    }
    const entry: Abort = (reason) => abort(reason);
    this.#requests.add(entry);
    if (cancelKey !== undefined) this.#withKey(cancelKey).add(entry);
    return () => this.#remove(entry, cancelKey);
  }

  /** Cancels the requests with this key. Returns how many there were. */
  cancel(cancelKey: string): number {
    const entries = [...(this.#byKey.get(cancelKey) ?? [])];
    for (const abort of entries) abort(new EngineError('CANCELLED', 'The request was cancelled.'));
    return entries.length;
  }

  /** Admits no more requests. */
  refuse(): void {
    this.#refusing = true;
  }

  /** Resolves when none is running. */
  idle(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #withKey(cancelKey: string): Set<Abort> {
    const entries = this.#byKey.get(cancelKey) ?? new Set();
    this.#byKey.set(cancelKey, entries);
    return entries;
  }

  #remove(entry: Abort, cancelKey: string | undefined): void {
    this.#requests.delete(entry);
    if (cancelKey !== undefined) {
      const entries = this.#withKey(cancelKey);
      entries.delete(entry);
      if (entries.size === 0) this.#byKey.delete(cancelKey);
    }
    if (this.size === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}
