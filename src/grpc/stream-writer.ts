import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { EngineError } from '../engine/index.js';
import type { CallScope } from './call-scope.js';

/** Where responses go, and what ends them. */
export interface StreamWriterOptions {
  readonly scope: CallScope;
  /** How long a caller may leave a full stream unread before its call is cancelled. Milliseconds. */
  readonly stallLimitMs: number;
}

/**
 * Writes responses to a call, pulling the next one only when the stream has room, so that a caller that reads
 * slowly slows its own source and fills no memory. Returns when all are handed to the stream.
 *
 * @throws Whatever the source throws; the signal's reason when the scope is aborted. Either way the source's
 *   `finally` has run.
 */
export async function writeStream<T>(
  call: Writable,
  responses: AsyncIterable<T>,
  { scope, stallLimitMs }: StreamWriterOptions,
): Promise<void> {
  for await (const response of responses) {
    scope.signal.throwIfAborted();
    if (!call.write(response)) await drained(call, scope, stallLimitMs);
  }
}

/** Waits for room, for the abort, or for the stall limit, which aborts. */
async function drained(call: Writable, scope: CallScope, stallLimitMs: number): Promise<void> {
  const stalled = () => {
    const text = `The caller left a full stream unread for ${stallLimitMs} ms.`;
    scope.abort(new EngineError('CANCELLED', text, { metadata: { stall_limit_ms: String(stallLimitMs) } }));
  };
  const timer = setTimeout(stalled, stallLimitMs);
  try {
    await once(call, 'drain', { signal: scope.signal });
  } catch (caught) {
    scope.signal.throwIfAborted();
    throw caught;
  } finally {
    clearTimeout(timer);
  }
}
