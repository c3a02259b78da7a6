import type { Logger } from 'pino';
import { EngineError } from '../engine/index.js';
import { AccessError } from '../security/access-error.js';
import { StatusError } from './status-mapper.js';

/** How calls of one RPC are logged. */
export interface CallLogOptions {
  readonly logger: Logger;
  /** The RPC: `/linnet.v1.Completion/Generate`. */
  readonly rpc: string;
  /** The level of a call that the service has nothing to answer for. */
  readonly level: 'info' | 'debug';
}

/** Writes the one line that a call leaves in the log. A failure is whatever was thrown; undefined: none. */
export type CallLog = (fields: Readonly<Record<string, unknown>>, failure?: unknown) => void;

/** Starts the clock of a call; call the result once, when it has ended. */
export function startCallLog({ logger, rpc, level }: CallLogOptions): CallLog {
  const startMs = performance.now();
  return (fields, failure) => {
    const line = { rpc, ...fields, durationMs: Math.round(performance.now() - startMs) };
    if (failure === undefined) return logger[level](line, 'call done');
    if (failure instanceof StatusError)
      return logger[level]({ ...line, error: failure.message }, 'call refused');
    if (failure instanceof AccessError) {
      const { reason, message } = failure.status;
      return logger[level]({ ...line, reason, error: message }, 'call refused');
    }
    const { reason, message, cause } = EngineError.from(failure);
    const told = { ...line, reason, error: message };
    if (reason !== 'INTERNAL' && reason !== 'MODEL_LOAD_FAILED')
      return logger[level](told, 'call ended early');
    logger.error({ ...told, err: cause ?? failure }, 'call failed');
  };
}
