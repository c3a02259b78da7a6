import { EventEmitter, once } from 'node:events';
import { HealthCheckResponse_ServingStatus as ServingStatus } from '../../contract/gen/grpc/health/v1/health.js';
import type { Engine } from '../../engine/index.js';

const COMPLETION = 'linnet.v1.Completion';
const MODELS = 'linnet.v1.Models';
const TOKENIZER = 'linnet.v1.Tokenizer';
/** Stands for the server as a whole. */
const SERVER = '';

/**
 * Decides whether each service serves. Completion, and with it the server, serves as long as one model can: unless each
 * has failed to load at its last attempt or makes no progress. One that is not in memory counts as one that can, since
 * the first request loads it; one that is being tried again does not, until it is there. Models and
 * Tokenizer serve in any case. Once the service drains, nothing does.
 */
export class ServiceHealth {
  /** The services that have a status. */
  readonly services: readonly string[] = [SERVER, COMPLETION, MODELS, TOKENIZER];
  readonly #engine: Engine;
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #unsubscribe: () => void;
  #draining = false;

  constructor(engine: Engine) {
    this.#engine = engine;
    this.#unsubscribe = engine.onStateChange(() => this.#changes.emit('change'));
  }

  /** Tells whether a service serves; SERVICE_UNKNOWN for one that has no status. */
  statusOf(service: string): ServingStatus {
    if (!this.services.includes(service)) return ServingStatus.SERVICE_UNKNOWN;
    const needsModel = service === SERVER || service === COMPLETION;
    const isUnable =
      needsModel && this.#engine.models().every(({ error, isStuck }) => error !== undefined || isStuck);
    return this.#draining || isUnable ? ServingStatus.NOT_SERVING : ServingStatus.SERVING;
  }

  /** Resolves when a status may have changed; rejects when the signal aborts. */
  async changed(signal: AbortSignal): Promise<void> {
    await once(this.#changes, 'change', { signal });
  }

  /** Turns every status to NOT_SERVING, for good. */
  drain(): void {
    this.#draining = true;
    this.#changes.emit('change');
  }

  /** Lets go of the engine. */
  close(): void {
    this.#unsubscribe();
  }
}
