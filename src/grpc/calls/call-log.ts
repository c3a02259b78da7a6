import { status } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { EngineError } from '../../engine/index.js';
import { AccessError } from '../../security/access-error.js';
import type { ServiceMetrics } from '../metrics/service-metrics.js';
import { StatusError, toStatus } from './status-mapper.js';

/** How calls of one RPC are logged. */
export interface CallLogOptions {
  readonly logger: Logger;
  /** The RPC: `/linnet.v1.Completion/Generate`. */
  readonly rpc: string;
  /** The level of a call that the service has nothing to answer for. */
  readonly level: 'info' | 'debug';
  /** Where the call is counted too; undefined for nowhere. */
  readonly metrics?: ServiceMetrics | undefined;
  /** The name under which it is counted. Default: the RPC's. Callers must not be able to make names up. */
  readonly countedAs?: string;
}

/** Writes the one line that a call leaves in the log, and counts it. A failure is whatever was thrown; undefined: none. */
export type CallLog = (fields: Readonly<Record<string, unknown>>, failure?: unknown) => void;

/** Starts the clock of a call; call the result once, when it has ended. */
export function startCallLog(options: CallLogOptions): CallLog {
  const { logger, rpc, level, metrics, countedAs = rpc.slice(1) } = options;
  const startMs = performance.now();
  return (fields, failure) => {
    const durationMs = performance.now() - startMs;
    metrics?.observeCall({ method: countedAs, status: statusName(failure), durationMs });
    const line = { rpc, ...fields, durationMs: Math.round(durationMs) };
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

/** The name of the gRPC status with which a call ends. */
function statusName(failure: unknown): string {
  return failure === undefined ? 'OK' : (status[toStatus(failure, '').code] ?? 'UNKNOWN');
}
