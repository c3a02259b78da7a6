import { setTimeout as sleep } from 'node:timers/promises';
import type { Metadata } from '@grpc/grpc-js';
import { EngineError, type EngineErrorReason } from '../../engine/index.js';
import type { Responses } from './response-writer.js';

/** The metadata in which a call asks for a fault. */
const FAULT_HEADER = 'x-linnet-fault';

/** What is to go wrong with a call, on purpose. */
export interface Fault {
  /** The answer begins so much later. Milliseconds. */
  readonly delayMs: number;
  /** The call fails with this reason, before the engine hears of it. */
  readonly abort: EngineErrorReason | undefined;
  /** The stream fails after so many messages. */
  readonly cutAfter: number;
  /** The stream falls silent after so many messages, until its caller leaves or its deadline passes. */
  readonly stallAfter: number;
}

const NO_FAULT: Fault = { delayMs: 0, abort: undefined, cutAfter: Infinity, stallAfter: Infinity };
const REASONS: ReadonlySet<string> = new Set<EngineErrorReason>([
  ...(['QUEUE_FULL', 'DEADLINE_EXCEEDED', 'ENGINE_UNAVAILABLE', 'MODEL_LOAD_FAILED', 'INTERNAL'] as const),
]);
const MAX_DELAY_MS = 60_000;
const RETRY_AFTER_MS = 1000;

/**
 * Reads which fault a call asks for: `delay=200ms`, `abort=queue_full`, `cut-after=5`, `stall-after=5`, or several of
 * them with commas between.
 *
 * @param allowsFaults Whether the service was started for tests.
 * @throws EngineError INVALID_FIELD where it was not, or the fault is unknown.
 */
export function parseFault(metadata: Metadata, allowsFaults: boolean): Fault | undefined {
  const [text] = metadata.get(FAULT_HEADER);
  if (text === undefined) return undefined;
  if (!allowsFaults) throw invalid('needs a service that was started with --allow-faults.');
  return Object.assign({ ...NO_FAULT }, ...String(text).split(',').map(parsePart));
}

/** Does to a stream of responses what its fault says: `write` throws where it is cut, and stays full where it stalls. */
export function withFault<T>(responses: Responses<T>, fault: Fault, signal: AbortSignal): Responses<T> {
  let numResponses = 0;
  const stalls = () => numResponses > fault.stallAfter;
  return {
    write: (response) => {
      numResponses += 1;
      if (numResponses > fault.cutAfter) throw asked('ENGINE_UNAVAILABLE');
      return stalls() ? false : responses.write(response);
    },
    drained: async () => (stalls() ? aborted(signal) : responses.drained()),
  };
}

/**
 * Lets a call wait, and fail, as its fault says.
 *
 * @throws EngineError that the fault asks for; the signal's reason where it aborts before.
 */
export async function beginWithFault({ delayMs, abort }: Fault, signal: AbortSignal): Promise<void> {
  if (delayMs > 0) await sleep(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  if (abort !== undefined) throw asked(abort);
}

function parsePart(part: string): Partial<Fault> {
  const [, name = '', value = ''] = /^\s*([a-z-]+)=(\w+)\s*$/.exec(part) ?? [];
  const [, delay, unit] = /^(\d{1,6})(ms|s)$/.exec(value) ?? [];
  const delayMs = Number(delay) * (unit === 's' ? 1000 : 1);
  if (name === 'delay' && delayMs <= MAX_DELAY_MS) return { delayMs };
  const reason = value.toUpperCase();
  if (name === 'abort' && REASONS.has(reason)) return { abort: reason as EngineErrorReason };
  const isCount = /^\d{1,6}$/.test(value);
  if (name === 'cut-after' && isCount) return { cutAfter: Number(value) };
  if (name === 'stall-after' && isCount) return { stallAfter: Number(value) };
  const reasons = [...REASONS].join(', ').toLowerCase();
  throw invalid(
    'must be of delay=200ms (up to 60s), cut-after=5, stall-after=5 and ' +
      `abort=REASON, with commas between; REASON is one of ${reasons}.`,
  );
}

function invalid(problem: string): EngineError {
  return new EngineError('INVALID_FIELD', `\`${FAULT_HEADER}\` ${problem}`, { field: FAULT_HEADER });
}

function asked(reason: EngineErrorReason): EngineError {
  const text = `The request asked for this fault by ${FAULT_HEADER}.`;
  return new EngineError(reason, text, { retryAfterMs: RETRY_AFTER_MS });
}

async function aborted(signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
  signal.throwIfAborted();
}
