import { Counter, type Registry } from 'prom-client';

/** The labels that Linnet's own metrics have. */
export const LINNET_LABELS = (model: string) => ({ model });
/** The labels that vLLM's metrics have; there is one engine. */
export const VLLM_LABELS = (model: string) => ({ model_name: model, engine: '0' });

/** One name under which a tally is exposed. */
export interface TallyName {
  readonly name: string;
  readonly help: string;
}

/** A count for each model, which may have several names. Adding to it costs an addition. */
export class ModelTally {
  readonly #counts = new Map<string, number>();

  /** @param names `vllm:` names have vLLM's labels. */
  constructor(registry: Registry, names: readonly TallyName[]) {
    for (const { name, help } of names) {
      const labelsOf = name.startsWith('vllm:') ? VLLM_LABELS : LINNET_LABELS;
      const counter = new Counter({
        ...{ name, help, registers: [registry], labelNames: Object.keys(labelsOf('')) },
        collect: () => {
          counter.reset();
          for (const [model, count] of this.#counts) counter.inc(labelsOf(model), count);
        },
      });
    }
  }

  /** The counts of all models together. */
  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Adds to a model's count. */
  add(model: string, count: number): void {
    this.#counts.set(model, (this.#counts.get(model) ?? 0) + count);
  }
}
