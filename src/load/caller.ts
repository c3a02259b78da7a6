import type { Attempt, CallOptions } from './attempt.js';
import type { LoadOptions } from './load-options.js';
import type { LoadRequest } from './load-request.js';

/** Makes requests of one service. */
export interface Caller {
  /** Makes one request and follows it to its end. Never rejects: what goes wrong is the attempt's outcome. */
  call(request: LoadRequest, options: CallOptions): Promise<Attempt>;
  close(): void;
}

/** What of a load's options its calls need. */
export type CallerOptions = Pick<LoadOptions, 'target' | 'apiKey' | 'timeoutMs' | 'maxInFlight'>;
