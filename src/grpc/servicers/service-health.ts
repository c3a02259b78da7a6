import { EventEmitter, once } from 'node:events';
import { HealthCheckResponse_ServingStatus as ServingStatus } from '../../contract/gen/grpc/health/v1/health.js';
import type { Engine, ModelInfo } from '../../engine/index.js';

const COMPLETION = 'linnet.v1.Completion';
const MODELS = 'linnet.v1.Models';
const TOKENIZER = 'linnet.v1.Tokenizer';
/** Stands for the server as a whole. */
const SERVER = '';
/** Names for probes, beside those of services. */
const LIVE = 'live';
const READY = 'ready';
const STARTUP = 'startup';

/**
 * Decides whether each service serves. Completion, and with it the server, serves once it has started and as long as one
 * model can: unless each has failed to load at its last attempt, was lost, or makes no progress. One that is not in
 * memory counts as one that can, since the first request loads it; one that is being tried again does not, until it is
 * there. Models and Tokenizer serve in any case. Once the service drains, none of these does.
 *
 * Three names are for probes. `startup`: the service has started, for good. `live`: no model's step hangs. `ready`: as the
 * server, and one model that can serve has room in its queue.
 */
export class ServiceHealth {
  readonly #engine: Engine;
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #unsubscribe: () => void;
  readonly #checks: ReadonlyMap<string, () => boolean> = new Map([
    [SERVER, () => this.#ableModels().length > 0],
    [COMPLETION, () => this.#ableModels().length > 0],
    [MODELS, () => !this.#isDraining],
    [TOKENIZER, () => !this.#isDraining],
    [LIVE, () => !this.#engine.models().some(({ isStuck }) => isStuck)],
    [READY, () => this.#ableModels().some(({ isQueueFull }) => !isQueueFull)],
    [STARTUP, () => this.#hasStarted],
  ]);
  #hasStarted: boolean;
  #isDraining = false;

  /** @param preloads Whether the service has started only when a model is in memory, and not at once. */
  constructor(engine: Engine, preloads: boolean) {
    this.#engine = engine;
    this.#hasStarted = !preloads;
    this.#unsubscribe = engine.onStateChange(({ state }) => {
      this.#hasStarted ||= state === 'ready';
      this.#changes.emit('change');
    });
  }

  /** The services that have a status. */
  get services(): readonly string[] {
    return [...this.#checks.keys()];
  }

  /** Tells whether a service serves; SERVICE_UNKNOWN for one that has no status. */
  statusOf(service: string): ServingStatus {
    const isServing = this.#checks.get(service)?.();
    if (isServing === undefined) return ServingStatus.SERVICE_UNKNOWN;
    return isServing ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  /** Resolves when a status may have changed; rejects when the signal aborts. */
  async changed(signal: AbortSignal): Promise<void> {
    await once(this.#changes, 'change', { signal });
  }

  /** Turns every status to NOT_SERVING, for good. */
  drain(): void {
    this.#isDraining = true;
    this.#changes.emit('change');
  }

  /** Lets go of the engine. */
  close(): void {
    this.#unsubscribe();
  }

  /** The models that can serve; none while the service has not started, or drains. */
  #ableModels(): readonly ModelInfo[] {
    if (this.#isDraining || !this.#hasStarted) return [];
    return this.#engine.models().filter(({ error, isStuck }) => error === undefined && !isStuck);
  }
}
