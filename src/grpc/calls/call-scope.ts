import { randomUUID } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import type { Deadline, Metadata } from '@grpc/grpc-js';
import { EngineError } from '../../engine/index.js';
import type { KeyRecord } from '../../security/api-key.js';
import { parseTraceparent, type TraceContext } from '../../telemetry/trace-context.js';
import { callerOf } from './caller.js';

const REQUEST_ID = /^[\w.-]{1,128}$/;
/** How much earlier a deadline may pass for the caller than for the server, which counts from arrival. */
const TRANSIT_MS = 100;
/** How long an answer may take on its way to the caller; a tenth of the time that there is, where that is less. */
const MARGIN_MS = 100;
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What a scope needs of a grpc-js call. */
export interface ScopedCall extends EventEmitter {
  readonly cancelled: boolean;
  readonly metadata: Metadata;
  getDeadline(): Deadline;
}

/** One call while it runs: its name, and the one signal that ends it. */
export interface CallScope {
  /** The caller's `x-request-id` where it is fit for logs, else made here. */
  readonly requestId: string;
  /** By whose API key the call was let in; undefined where the service asks for none. */
  readonly caller: KeyRecord | undefined;
  /** The caller's place in a trace; undefined where it has none. */
  readonly traceParent: TraceContext | undefined;
  /**
   * When the answer must be complete, by the clock of `Date.now`; undefined without a deadline. It is a little before the
   * caller's, so that what there is, and the reason, still arrive: at the caller's own, its library gives up by itself.
   */
  readonly deadlineAtMs: number | undefined;
  /** Aborts with an EngineError when the caller goes away, the deadline passes, or the service ends the call. */
  readonly signal: AbortSignal;
  /** Ends the call; the first reason counts. */
  abort(reason: EngineError): void;
  /** Adds fields to the call's line in the log. Never text of prompts or completions. */
  note(fields: Readonly<Record<string, unknown>>): void;
  /** What was noted. */
  readonly notes: Readonly<Record<string, unknown>>;
  /** Lets go of the call: removes every listener and timer. */
  close(): void;
}

/**
 * Opens the scope of a streaming call.
 *
 * @param closing Aborts, with an EngineError, when the server ends every call.
 */
export function openCallScope(call: ScopedCall, closing: AbortSignal): CallScope {
  const controller = new AbortController();
  const caller = callerOf(call.metadata);
  const traceParent = traceParentOf(call.metadata);
  const notes: Record<string, unknown> = {
    ...(caller !== undefined && { key: caller.id }),
    ...(traceParent !== undefined && { traceId: traceParent.traceId }),
  };
  const deadlineMs = Number(call.getDeadline());
  const abort = (reason: EngineError) => controller.abort(reason);
  // A deadline is reported as a cancellation: by grpc-js, which ends the call by itself when it passes, and by the
  // caller, for whom it passes a moment earlier.
  const onGone = () => abort(Date.now() >= deadlineMs - TRANSIT_MS ? deadlineExceeded() : cancelled());
  const onClosing = () => abort(closing.reason);
  // Its own timer, because grpc-js reports nothing while a caller that does not read blocks the stream.
  const timer = Number.isFinite(deadlineMs)
    ? setTimeout(() => abort(deadlineExceeded()), timerMs(deadlineMs - Date.now()))
    : undefined;

  for (const event of ['cancelled', 'close', 'error']) call.on(event, onGone);
  closing.addEventListener('abort', onClosing);
  if (call.cancelled) onGone();
  if (closing.aborted) onClosing();

  return {
    requestId: requestIdOf(call.metadata),
    caller,
    traceParent,
    deadlineAtMs: Number.isFinite(deadlineMs) ? deadlineMs - marginOf(deadlineMs - Date.now()) : undefined,
    signal: controller.signal,
    abort,
    note: (fields) => Object.assign(notes, fields),
    notes,
    close() {
      clearTimeout(timer);
      for (const event of ['cancelled', 'close', 'error']) call.off(event, onGone);
      closing.removeEventListener('abort', onClosing);
    },
  };
}

/** Reads the caller's name for a request, or makes one. */
export function requestIdOf(metadata: Metadata): string {
  const [id] = metadata.get('x-request-id');
  return typeof id === 'string' && REQUEST_ID.test(id) ? id : randomUUID();
}

function traceParentOf(metadata: Metadata): TraceContext | undefined {
  const [text] = metadata.get('traceparent');
  return typeof text === 'string' ? parseTraceparent(text) : undefined;
}

function marginOf(remainingMs: number): number {
  return Math.max(0, Math.min(MARGIN_MS, remainingMs / 10));
}

function timerMs(ms: number): number {
  return Math.min(Math.max(ms, 0), MAX_TIMER_MS);
}

function cancelled(): EngineError {
  return new EngineError('CANCELLED', 'The caller went away.');
}

function deadlineExceeded(): EngineError {
  return new EngineError('DEADLINE_EXCEEDED', 'The deadline passed before the request was done.');
}
