import { setMaxListeners } from 'node:events';
import { ERROR_CATALOGUE } from '../contract/error-catalogue.js';
import { GatewayError } from './errors/gateway-error.js';

/** Where the gateway is between its start and its end: serving, draining (what runs may finish), cut off. */
export class Lifecycle {
  readonly #controller = new AbortController();
  #draining = false;

  constructor() {
    // Every running request listens.
    setMaxListeners(0, this.#controller.signal);
  }

  /** Whether the gateway is about to end: clients should go elsewhere with their next request. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Aborted when what still runs must end; its reason is the error that clients get. */
  get cutOff(): AbortSignal {
    return this.#controller.signal;
  }

  /** Begins the drain. */
  beginDrain(): void {
    this.#draining = true;
  }

  /** Ends what still runs. */
  beginCutOff(): void {
    this.#draining = true;
    this.#controller.abort(
      new GatewayError(
        ERROR_CATALOGUE.ENGINE_UNAVAILABLE,
        'The gateway shuts down and could not wait for the end of this request; send it again.',
      ),
    );
  }
}
