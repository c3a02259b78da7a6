import type { ModelInfo } from '../../engine/index.js';
import type { EngineLoad } from './engine-load.js';

/** What an engine process tells the process that started it, over the channel that `fork` opens. */
export type EngineMessage =
  /** The gRPC service listens; the model may still be loading. */
  | { readonly type: 'listening'; readonly port: number }
  /** Nothing is left to do before requests are answered at once. */
  | { readonly type: 'ready'; readonly models: readonly ModelInfo[] }
  /** What it was asked for. */
  | EngineAnswer
  /** It can't start, for a reason that a person can mend. It ends by itself. */
  | { readonly type: 'failed'; readonly message: string };

/** What the process that started an engine process may ask of it, and what the answers are. */
export interface EngineAnswers {
  /** In Prometheus' text format. */
  readonly metrics: string;
  readonly load: EngineLoad;
}

/** The name of a question. */
export type EngineQuestion = keyof EngineAnswers;

/** An answer to a question of that name. */
export type EngineAnswer = {
  readonly [Question in EngineQuestion]: {
    readonly type: 'answer';
    readonly question: Question;
    readonly answer: EngineAnswers[Question];
  };
}[EngineQuestion];
