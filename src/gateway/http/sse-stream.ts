import type { Response } from 'express';
import { type GatewayError, toErrorEvent } from '../errors/gateway-error.js';

/** Times of a stream of server-sent events, in milliseconds. */
export interface SseStreamOptions {
  /** How long it is silent before a comment is sent. */
  readonly pingIntervalMs: number;
  /** How long the client may read nothing before it is cut off. Longer than `pingIntervalMs`. */
  readonly stallTimeoutMs: number;
}

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  // Compression and proxies would hold events back.
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/**
 * Writes server-sent events to a response, none faster than the client reads. The status is sent with the first write,
 * by `open`, or after the first silence, so that what fails before can still be an HTTP error. Ends with exactly one
 * of `end` and `fail`; either is without effect once the client is gone.
 */
export class SseStream {
  readonly #response: Response;
  readonly #ping: NodeJS.Timeout;

  constructor(response: Response, { pingIntervalMs, stallTimeoutMs }: SseStreamOptions) {
    this.#response = response;
    this.#ping = setTimeout(() => this.#sendPing(), pingIntervalMs);
    response.on('close', () => clearTimeout(this.#ping));
    // The socket counts as idle while what was written does not leave; pings keep a reading client's busy.
    response.setTimeout(stallTimeoutMs, () => response.destroy());
  }

  /** Sends status 200 and the headers, unless that is done. */
  open(): void {
    if (this.#response.headersSent || this.#response.destroyed) return;
    this.#response.writeHead(200, HEADERS);
    this.#response.flushHeaders();
  }

  /** Sends an event in its form on the wire; false where the next one should wait until the client has read. */
  send(event: string): boolean {
    return this.#write(event);
  }

  /** Resolves when the client has read enough to take another event, or is gone. */
  drained(): Promise<void> {
    return drained(this.#response);
  }

  /** Ends a stream that is whole. */
  end(): void {
    this.#finish('data: [DONE]\n\n');
  }

  /** Ends a stream that failed. */
  fail(error: GatewayError): void {
    this.#finish(toErrorEvent(error));
  }

  /** Gives the response back unused: nothing has been sent, and nothing will be. */
  release(): void {
    clearTimeout(this.#ping);
  }

  #write(text: string): boolean {
    if (this.#response.destroyed) return true;
    this.open();
    this.#ping.refresh();
    this.#gather();
    return this.#response.write(text);
  }

  // What comes in one turn of the event loop leaves in one system call, which costs more than all else about an event.
  #gather(): void {
    const { socket } = this.#response;
    if (socket === null || socket.writableCorked > 0) return;
    socket.cork();
    setImmediate(() => socket.uncork());
  }

  #sendPing(): void {
    // What waits to be read already shows the client that the server lives.
    if (!this.#response.writableNeedDrain) this.#write(': ping\n\n');
    this.#ping.refresh();
  }

  #finish(text: string): void {
    this.#write(text);
    clearTimeout(this.#ping);
    this.#response.end();
  }
}

function drained(response: Response): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.on('drain', done).on('close', done);
  });
}
