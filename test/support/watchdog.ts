import type { Linnet } from './linnet.js';

/** Before vitest's own limit, which says no more than that it has passed. Milliseconds. */
const LIMIT_MS = 50_000;

/** Knows what a long test has begun and not ended, and fails the test with it when it does not end. */
export class Watchdog {
  readonly #linnet: Pick<Linnet, 'engine' | 'server'>;
  /** What each piece of work waits for. */
  readonly #open = new Map<symbol, string>();

  constructor(linnet: Pick<Linnet, 'engine' | 'server'>) {
    this.#linnet = linnet;
  }

  /** Does a piece of the work, which says what it waits for whenever that changes. */
  async follow<T>(name: string, work: (waitsFor: (what: string) => void) => Promise<T>): Promise<T> {
    const key = Symbol(name);
    const waitsFor = (what: string) => this.#open.set(key, `${name}: ${what}`);
    waitsFor('its beginning');
    try {
      return await work(waitsFor);
    } finally {
      this.#open.delete(key);
    }
  }

  /**
   * Waits for the whole of the work.
   *
   * @throws Error that tells what is open, where it takes longer than the limit.
   */
  async watch<T>(work: () => Promise<T>, limitMs = LIMIT_MS): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`Not done after ${limitMs} ms. ${this.#describe()}`)),
        limitMs,
      );
    });
    try {
      return await Promise.race([work(), late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #describe(): string {
    const { engine, server } = this.#linnet;
    const models = engine.models().map(({ id, state, isStuck, load }) => ({ id, state, isStuck, ...load }));
    const counts: Record<string, number> = {};
    for (const name of process.getActiveResourcesInfo()) counts[name] = (counts[name] ?? 0) + 1;
    return [
      `Waiting, ${this.#open.size}: ${[...this.#open.values()].join('; ') || 'nothing'}.`,
      `The service runs ${server.runningRequests} requests; the engine: ${JSON.stringify(models)}.`,
      `The event loop has ${JSON.stringify(counts)}.`,
    ].join('\n');
  }
}
