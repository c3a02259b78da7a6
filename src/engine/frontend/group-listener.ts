import type { SequenceOutput, StartedSequence } from '../core/step-output.js';
import type { EngineError } from '../engine-error.js';

/** Who is told what becomes of a request in the worker. */
export interface GroupListener {
  /** A sequence has its place. */
  start(started: StartedSequence): void;
  /** A step gave something of a sequence, at this time of the worker's clock. Milliseconds. */
  take(output: SequenceOutput, atMs: number): void;
  /** The request ends with an error; nothing comes after it. */
  fail(error: EngineError): void;
}
