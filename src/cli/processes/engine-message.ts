import type { ModelInfo } from '../../engine/index.js';

/** What an engine process tells the process that started it, over the channel that `fork` opens. */
export type EngineMessage =
  /** The gRPC service listens; the model may still be loading. */
  | { readonly type: 'listening'; readonly port: number }
  /** Nothing is left to do before requests are answered at once. */
  | { readonly type: 'ready'; readonly models: readonly ModelInfo[] }
  /** Its metrics, as it was asked for them. */
  | { readonly type: 'metrics'; readonly text: string }
  /** It can't start, for a reason that a person can mend. It ends by itself. */
  | { readonly type: 'failed'; readonly message: string };

/** What the process that started an engine process asks of it. */
export type EngineQuestion = 'metrics';
