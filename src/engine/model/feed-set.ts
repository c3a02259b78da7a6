import type { Tensor } from 'onnxruntime-node';

/** Inputs of the graph by the names that it gives them. */
export type Feeds = Readonly<Record<string, Tensor>>;

/** All inputs of a step in one object, put together of several: some 200, of which few change from step to step. */
export class FeedSet {
  readonly #all: Record<string, Tensor> = {};
  #parts: readonly Feeds[] = [];

  /** Takes what differs from the last time. A part must always have the same names. */
  combine(parts: readonly Feeds[]): Feeds {
    for (const [index, part] of parts.entries()) {
      if (part !== this.#parts[index]) Object.assign(this.#all, part);
    }
    this.#parts = parts;
    return this.#all;
  }
}
