import type { Writable } from 'node:stream';
import { EngineError } from '../../engine/index.js';
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
  const { signal } = scope;
  // Two listeners for the whole stream: it is full again after every few messages.
  let wake = () => {};
  const onChange = () => wake();
  const stalled = () => {
    const text = `The caller left a full stream unread for ${stallLimitMs} ms.`;
    scope.abort(new EngineError('CANCELLED', text, { metadata: { stall_limit_ms: String(stallLimitMs) } }));
  };
  call.on('drain', onChange);
  signal.addEventListener('abort', onChange);
  try {
    for await (const response of responses) {
      signal.throwIfAborted();
      if (call.write(response)) continue;
      signal.throwIfAborted();
      const timer = setTimeout(stalled, stallLimitMs);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      clearTimeout(timer);
      signal.throwIfAborted();
    }
  } finally {
    call.off('drain', onChange);
    signal.removeEventListener('abort', onChange);
  }
}
