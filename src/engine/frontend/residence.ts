import type { ModelShape } from '../engine.js';
import type { ModelWorker } from './model-worker.js';

/** A model in memory: where to send sequences, and what fits. */
export interface ReadyModel {
  readonly worker: ModelWorker;
  readonly shape: ModelShape;
}

/** The use of a model in memory. As long as it lasts, the model stays there. */
export interface ModelLease extends ReadyModel {
  /** Ends the use. To be called once. */
  readonly release: () => void;
}

/** Where a model is between not in memory and in memory. */
export type Residence =
  /** Never loaded, or its worker has gone since. */
  | { readonly state: 'unloaded' }
  /** It waits for memory, or its worker reads and packs the weights; requests wait. */
  | { readonly state: 'loading'; readonly ready: Promise<ReadyModel>; worker: ModelWorker | undefined }
  /** It answers. */
  | { readonly state: 'ready'; readonly model: ReadyModel }
  /** Its worker ends; whoever asks for it waits for that. */
  | { readonly state: 'unloading'; readonly done: Promise<void>; readonly worker: ModelWorker }
  /** The last attempt failed, or its worker was lost; the next request tries again. */
  | { readonly state: 'failed' };
