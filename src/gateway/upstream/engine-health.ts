import { credentials, type ServiceError } from '@grpc/grpc-js';
import { ERROR_CATALOGUE } from '../../contract/error-catalogue.js';
import {
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
  HealthClient,
} from '../../contract/gen/grpc/health/v1/health.js';
import { GatewayError } from '../errors/gateway-error.js';
import type { EngineChannels } from './engine-channels.js';
import { toGatewayError } from './engine-failure.js';

/** How the engine's health is followed. */
export interface EngineHealthOptions {
  /** How long an answer may take while nothing is known yet. Milliseconds. */
  readonly timeoutMs: number;
}

const RETRY_MS = 250;

/** What the engine last said of itself; an error where it can't be asked; undefined where it has not answered yet. */
type Known = { readonly isServing: boolean } | GatewayError | undefined;

/** Follows by `Health.Watch` whether the engine serves: it hears of a change at once, and asks nothing again. */
export class EngineHealth {
  readonly #channels: EngineChannels;
  readonly #timeoutMs: number;
  readonly #waiting = new Set<() => void>();
  #known: Known;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** Begins to follow, and begins again whenever the connection breaks, until `close`. */
  constructor(channels: EngineChannels, { timeoutMs }: EngineHealthOptions) {
    this.#channels = channels;
    this.#timeoutMs = timeoutMs;
    this.#watch();
  }

  /**
   * Tells whether the engine serves, by what it said last.
   *
   * @throws GatewayError where it can't be reached, or has not answered in time.
   */
  async isServing(): Promise<boolean> {
    if (this.#known === undefined) await this.#firstAnswer();
    if (this.#known instanceof GatewayError) throw this.#known;
    if (this.#known !== undefined) return this.#known.isServing;
    const text = `The engine at ${this.#channels.address} did not answer in time.`;
    throw new GatewayError(ERROR_CATALOGUE.ENGINE_UNAVAILABLE, text);
  }

  /** Whether the engine said, when it was last heard of, that it serves. */
  get serves(): boolean {
    return this.#known !== undefined && !(this.#known instanceof GatewayError) && this.#known.isServing;
  }

  /** Ends the watch; the channels are closed by their owner. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
  }

  #watch(): void {
    const { address } = this.#channels;
    const client = new HealthClient(address, credentials.createInsecure(), {
      channelOverride: this.#channels.next(),
    });
    const call = client.watch({ service: '' });
    call.on('data', ({ status }: HealthCheckResponse) => {
      this.#learn({ isServing: status === HealthCheckResponse_ServingStatus.SERVING });
    });
    const onEnd = (error: GatewayError) => {
      if (this.#isClosed) return;
      this.#learn(error);
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#watch(), RETRY_MS).unref();
    };
    call.on('error', (error: ServiceError) => onEnd(toGatewayError(error, address)));
    call.on('end', () => onEnd(new GatewayError(ERROR_CATALOGUE.ENGINE_UNAVAILABLE, ENDED)));
  }

  #learn(known: Known): void {
    this.#known = known;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  async #firstAnswer(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#waiting.add(resolve);
      timer = setTimeout(resolve, this.#timeoutMs);
    });
    clearTimeout(timer);
  }
}

const ENDED = 'The engine answers, but tells nothing of its health any more: it shuts down.';
