import type { Writable } from 'node:stream';
import { EngineError } from '../../engine/index.js';
import type { CallScope } from './call-scope.js';

/** What ends a stream of responses. */
export interface ResponseWriterOptions {
  readonly scope: CallScope;
  /** How long a caller may leave a full stream unread before its call is cancelled. Milliseconds. */
  readonly stallLimitMs: number;
}

/** Where a call's responses go. */
export type Responses<Response> = Pick<ResponseWriter<Response>, 'write' | 'drained'>;

/**
 * Writes a call's responses. Whoever makes them stops where `write` says that the stream is full, and goes on when it
 * has `drained`, so that a caller that reads slowly slows its own source and fills no memory.
 */
export class ResponseWriter<Response> {
  readonly #call: Writable;
  readonly #options: ResponseWriterOptions;
  #wake: (() => void) | undefined;
  readonly #onChange = () => this.#wake?.();

  /** Two listeners for the whole stream, until `close`: it is full again after every few messages. */
  constructor(call: Writable, options: ResponseWriterOptions) {
    this.#call = call;
    this.#options = options;
    call.on('drain', this.#onChange);
    options.scope.signal.addEventListener('abort', this.#onChange);
  }

  /**
   * Hands a response to the stream.
   *
   * @returns whether there is room for another.
   * @throws the signal's reason when the scope is aborted.
   */
  write(response: Response): boolean {
    this.#options.scope.signal.throwIfAborted();
    return this.#call.write(response);
  }

  /**
   * Waits until a full stream has room.
   *
   * @throws the signal's reason when the scope is aborted, as it is when the stall limit passes.
   */
  async drained(): Promise<void> {
    const { scope, stallLimitMs } = this.#options;
    scope.signal.throwIfAborted();
    const timer = setTimeout(() => scope.abort(unread(stallLimitMs)), stallLimitMs);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    clearTimeout(timer);
    scope.signal.throwIfAborted();
  }

  /** Lets go of the call. */
  close(): void {
    this.#call.off('drain', this.#onChange);
    this.#options.scope.signal.removeEventListener('abort', this.#onChange);
  }
}

function unread(stallLimitMs: number): EngineError {
  const text = `The caller left a full stream unread for ${stallLimitMs} ms.`;
  return new EngineError('CANCELLED', text, { metadata: { stall_limit_ms: String(stallLimitMs) } });
}
