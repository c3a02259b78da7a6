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

/** What is followed, and who is told. */
export interface HealthWatchOptions {
  /** A name of the engine's health: '' for the server as a whole, `ready` for that and room in its queue. */
  readonly service: string;
  /** Called whenever the engine has said something, or can't be asked any more. */
  readonly onChange: () => void;
}

const RETRY_MS = 250;

/** Follows by `Health.Watch` whether one engine serves: it hears of a change at once, and asks nothing again. */
export class HealthWatch {
  readonly #channels: EngineChannels;
  readonly #options: HealthWatchOptions;
  #known: boolean | GatewayError | undefined;
  #retry: NodeJS.Timeout | undefined;
  #cancel: () => void = () => undefined;
  #isClosed = false;

  /** Begins to follow, and begins again whenever the connection breaks, until `close`. */
  constructor(channels: EngineChannels, options: HealthWatchOptions) {
    this.#channels = channels;
    this.#options = options;
    this.#watch();
  }

  /** Whether it serves, as it said last; an error where it can't be asked; undefined where it has not answered yet. */
  get known(): boolean | GatewayError | undefined {
    return this.#known;
  }

  /** Ends the watch; the channels are closed by their owner. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    this.#cancel();
  }

  #watch(): void {
    const { address } = this.#channels;
    const client = new HealthClient(address, credentials.createInsecure(), {
      channelOverride: this.#channels.next(),
    });
    const call = client.watch({ service: this.#options.service });
    this.#cancel = () => call.cancel();
    call.on('data', ({ status }: HealthCheckResponse) => {
      this.#learn(status === HealthCheckResponse_ServingStatus.SERVING);
    });
    const onEnd = (error: GatewayError) => {
      if (this.#isClosed) return;
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#watch(), RETRY_MS).unref();
      this.#learn(error);
    };
    call.on('error', (error: ServiceError) => onEnd(toGatewayError(error, address)));
    call.on('end', () => onEnd(new GatewayError(ERROR_CATALOGUE.ENGINE_UNAVAILABLE, ENDED)));
  }

  #learn(known: boolean | GatewayError): void {
    this.#known = known;
    this.#options.onChange();
  }
}

const ENDED = 'The engine answers, but tells nothing of its health any more: it shuts down.';
