import type { Usage } from './completion.js';
import type { StepStats } from './core/step-output.js';
import type { EngineError } from './engine-error.js';

/**
 * Hears what an engine does, for its metrics. Called synchronously between steps, once for each token at most: it must
 * be quick. What it throws becomes a warning of the process, once.
 */
export interface EngineObserver {
  /** A model made a step. */
  onStep(model: string, stats: StepStats): void;
  /** A sequence of a model got tokens, so long after its last ones. Milliseconds. */
  onTokenGap(model: string, gapMs: number): void;
}

/** Where a request that ended early was: waiting, computing its prompt, or generating. */
export type RequestPhase = 'queue' | 'prefill' | 'decode';

/** When what happened to a request: milliseconds since the Unix epoch, with fractions; undefined for what did not. */
export interface RequestMoments {
  readonly arrivedAtMs: number;
  /** The first step of its first sequence began. */
  readonly firstStepAtMs: number | undefined;
  readonly firstTokenAtMs: number | undefined;
  readonly lastTokenAtMs: number | undefined;
  readonly endedAtMs: number;
}

/** What became of a request, however it ended. */
export interface RequestReport {
  /** The id of the model; undefined where there is none of that name. */
  readonly model: string | undefined;
  readonly moments: RequestMoments;
  /** How far it had come. */
  readonly phase: RequestPhase;
  /** Sequences that it was to have: candidates, or texts to score. */
  readonly numSequences: number;
  /** What it consumed; of a prompt whose computation had not begun, nothing. */
  readonly usage: Usage;
  /** Of the choices that ended by themselves. */
  readonly finishReasons: readonly ('stop' | 'length')[];
  /** Why it ended early; CANCELLED also where its reader left. Undefined where it is complete. */
  readonly error: EngineError | undefined;
}

/** Is told, once, what became of a request. What it throws becomes a warning of the process. */
export type RequestListener = (report: RequestReport) => void;
