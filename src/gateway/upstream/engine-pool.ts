import { ERROR_CATALOGUE } from '../../contract/error-catalogue.js';
import type { PemStore } from '../../security/pem-store.js';
import { GatewayError } from '../errors/gateway-error.js';
import { EngineDirectory, type EnginePlace } from './engine-directory.js';
import { isConnectionLoss, toGatewayError } from './engine-failure.js';
import { EngineLink } from './engine-link.js';
import { pickEngine } from './engine-picker.js';

/** How engines are found and connected. */
export interface EnginePoolOptions {
  /** HTTP/2 connections to each engine, for streams: the death of one ends only those that it carries. */
  readonly numChannels: number;
  /** The certificates of the connections. Default: plaintext. */
  readonly tls?: PemStore | undefined;
  /** How long what a name resolved to holds. Milliseconds. Default 5000. */
  readonly resolveIntervalMs?: number;
  /** Finds a host's addresses. Default: as the system does. */
  readonly resolve?: ((host: string) => Promise<readonly string[]>) | undefined;
  /** Called where a name does not resolve; what it stood for last stays in use. Default: nobody is. */
  readonly onResolveFailure?: (name: string, error: Error) => void;
}

/** What an engine says of itself where another one may have room, or serve. */
const REFUSALS: readonly unknown[] = [
  ...[ERROR_CATALOGUE.ENGINE_UNAVAILABLE, ERROR_CATALOGUE.QUEUE_FULL, ERROR_CATALOGUE.MODEL_LOAD_FAILED],
];

/** All engines of a gateway. */
export class EnginePool {
  /** Fulfilled once every name has been asked for. */
  readonly resolved: Promise<void>;
  readonly #names: readonly string[];
  readonly #options: EnginePoolOptions;
  readonly #directory: EngineDirectory;
  readonly #links = new Map<string, EngineLink>();
  readonly #waiting = new Set<() => void>();
  #turn = 0;
  #hasServed = false;

  /**
   * Starts to connect to the engines.
   *
   * @param names in gRPC's name syntax; what begins with `dns:` stands for all addresses that the name has.
   */
  constructor(names: readonly string[], options: EnginePoolOptions) {
    this.#names = names;
    this.#options = options;
    const { resolve, resolveIntervalMs = 5000, onResolveFailure = () => undefined } = options;
    this.#directory = new EngineDirectory(names, {
      ...{ resolveIntervalMs, onFailure: onResolveFailure, onChange: (places) => this.#update(places) },
      ...(resolve && { resolve }),
    });
    this.resolved = this.#directory.resolved;
  }

  /** The engines in use, and those that still finish what they owe. */
  get links(): readonly EngineLink[] {
    return [...this.#links.values()];
  }

  /** Whether an engine has ever said that it serves. */
  get hasServed(): boolean {
    return this.#hasServed;
  }

  /**
   * Picks the engine for a request.
   *
   * @param prefix the beginning of its prompt, where an engine may have it in its prefix cache.
   * @throws GatewayError ENGINE_UNAVAILABLE where no engine is known.
   */
  pick(prefix?: string): EngineLink {
    const engine = pickEngine(this.#inTurn(), prefix);
    if (engine !== undefined) return engine;
    const text = `There is no engine: ${this.#names.join(', ')} does not resolve to any address.`;
    throw new GatewayError(ERROR_CATALOGUE.ENGINE_UNAVAILABLE, text);
  }

  /**
   * Picks the engine to ask again what another one failed: one that is well where there is one, else the same where only
   * its connection broke. Undefined where asking again would change nothing.
   */
  pickAgain(failed: EngineLink, caught: unknown): EngineLink | undefined {
    const isLoss = isConnectionLoss(caught);
    if (!isLoss && !REFUSALS.includes(toGatewayError(caught, failed.address).kind)) return undefined;
    const others = this.#inTurn().filter((link) => link !== failed && link.standing === 'ready');
    const next = pickEngine(others) ?? (isLoss ? failed : undefined);
    if (next !== undefined) failed.numRetries += 1;
    return next;
  }

  /** Resolves when an engine serves, all have said that they don't or can't be asked, or the time is up. */
  async settled(timeoutMs: number): Promise<void> {
    const isSettled = () =>
      this.links.some(({ isServing }) => isServing) ||
      this.links.every(({ standing }) => standing !== 'unknown');
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), timeoutMs);
    while (!isSettled() && !late.signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve);
        late.signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    clearTimeout(timer);
  }

  /** Ends all connections, and with them the calls that they carry. */
  close(): void {
    this.#directory.close();
    for (const link of this.links) link.close();
  }

  #inTurn(): readonly EngineLink[] {
    const links = this.links.filter(({ isRetired }) => !isRetired);
    const start = links.length === 0 ? 0 : this.#turn++ % links.length;
    return start === 0 ? links : [...links.slice(start), ...links.slice(0, start)];
  }

  #update(places: readonly EnginePlace[]): void {
    const addresses = new Set(places.map(({ address }) => address));
    for (const [address, link] of this.#links) if (!addresses.has(address)) link.retire();
    for (const place of places) {
      if (this.#links.get(place.address)?.revive()) continue;
      this.#links.set(place.address, this.#connect(place));
    }
  }

  #connect(place: EnginePlace): EngineLink {
    const { numChannels, tls } = this.#options;
    return new EngineLink(place, { numChannels, tls, onChange: (link) => this.#hear(link) });
  }

  #hear(link: EngineLink): void {
    if (link.isClosed && this.#links.get(link.address) === link) this.#links.delete(link.address);
    this.#hasServed ||= link.isServing;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
