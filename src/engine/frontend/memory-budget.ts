import { EventEmitter, once } from 'node:events';
import { EngineError } from '../engine-error.js';

/** A model as the budget sees it. */
export interface Resident {
  readonly id: string;
  /** Since when nobody has used it; undefined while somebody does, or it is being loaded or unloaded. */
  readonly idleSinceMs: number | undefined;
  /** Frees its memory, and says so to the budget. */
  unload(): Promise<void>;
}

/** How much memory there is. */
export interface MemoryLimits {
  /** What all models together may take. */
  readonly limitBytes: number;
  /** Whether one model alone is let in whatever it takes: the limit is a guess, and not the operator's word. */
  readonly admitsOne: boolean;
  /** How long a model waits for memory that busy ones hold. Milliseconds. */
  readonly waitLimitMs: number;
}

/** Shares memory among models. Where it is short, the model that has been idle longest is unloaded first. */
export class MemoryBudget {
  readonly #limits: MemoryLimits;
  readonly #reserved = new Map<Resident, number>();
  readonly #changes = new EventEmitter().setMaxListeners(0);

  constructor(limits: MemoryLimits) {
    this.#limits = limits;
  }

  get limitBytes(): number {
    return this.#limits.limitBytes;
  }

  /** What is set aside for a model; 0 for one that is not in memory. */
  bytesOf(resident: Resident): number {
    return this.#reserved.get(resident) ?? 0;
  }

  /**
   * Sets memory aside for a model, unloading idle ones where that makes room, and waiting for busy ones where it
   * does not.
   *
   * @param signal ends the waiting.
   * @throws EngineError MODEL_LOAD_FAILED for a model that can't ever fit, or that waited too long.
   */
  async reserve(resident: Resident, bytes: number, signal: AbortSignal): Promise<void> {
    const { limitBytes, admitsOne, waitLimitMs } = this.#limits;
    if (bytes > limitBytes && !admitsOne) throw tooLarge(resident.id, bytes, limitBytes);
    const waiting = AbortSignal.timeout(waitLimitMs);
    while (!this.#fits(bytes)) {
      signal.throwIfAborted();
      if (waiting.aborted) throw this.#allBusy(resident.id, bytes);
      await (this.#longestIdle(bytes)?.unload() ?? this.#change(signal, waiting));
    }
    signal.throwIfAborted();
    this.#reserved.set(resident, bytes);
  }

  /** Gives back what was set aside for a model. */
  release(resident: Resident): void {
    if (this.#reserved.delete(resident)) this.notify();
  }

  /** Hears that a model has become idle. */
  notify(): void {
    this.#changes.emit('change');
  }

  #fits(bytes: number): boolean {
    const { limitBytes, admitsOne } = this.#limits;
    return sum(this.#reserved.values()) + bytes <= limitBytes || (admitsOne && this.#reserved.size === 0);
  }

  /** Which to unload; undefined where all the idle ones together would not make enough room. */
  #longestIdle(bytes: number): Resident | undefined {
    const idle = [...this.#reserved.keys()].filter(({ idleSinceMs }) => idleSinceMs !== undefined);
    const left = [...this.#reserved]
      .filter(([resident]) => !idle.includes(resident))
      .map(([, taken]) => taken);
    const { limitBytes, admitsOne } = this.#limits;
    if (sum(left) + bytes > limitBytes && !(admitsOne && left.length === 0)) return undefined;
    return idle.sort((a, b) => (a.idleSinceMs ?? 0) - (b.idleSinceMs ?? 0))[0];
  }

  /** Waits for a model to become idle or to go. */
  async #change(signal: AbortSignal, timeout: AbortSignal): Promise<void> {
    const over = new AbortController();
    const end = () => over.abort();
    signal.addEventListener('abort', end);
    timeout.addEventListener('abort', end);
    try {
      await once(this.#changes, 'change', { signal: over.signal });
    } catch {
      // The loop sees which of the two it was.
    } finally {
      signal.removeEventListener('abort', end);
      timeout.removeEventListener('abort', end);
    }
  }

  #allBusy(id: string, bytes: number): EngineError {
    const models = [...this.#reserved.keys()].map((resident) => resident.id).join(', ');
    return new EngineError(
      'MODEL_LOAD_FAILED',
      `There is no memory for model "${id}" now: ${models} are in use. Try again later, or raise the memory limit.`,
      {
        metadata: { model: id, bytes: String(bytes), limitBytes: String(this.limitBytes), models },
        retryAfterMs: 1000,
      },
    );
  }
}

function tooLarge(id: string, bytes: number, limitBytes: number): EngineError {
  return new EngineError(
    'MODEL_LOAD_FAILED',
    `Model "${id}" takes about ${toMebibytes(bytes)} with its KV cache, and all models together may take ${toMebibytes(limitBytes)}. ` +
      'Raise the memory limit, give it a smaller KV cache, or load it at a lower precision.',
    { metadata: { model: id, bytes: String(bytes), limitBytes: String(limitBytes) } },
  );
}

function toMebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
