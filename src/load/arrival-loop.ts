import { setTimeout as sleep } from 'node:timers/promises';
import type { Arrivals } from './load-options.js';
import { drawWait, type Random } from './random.js';

/** What a loop starts requests by. */
export interface ArrivalLoop {
  readonly arrivals: Arrivals;
  readonly random: Random;
  /** Makes one request and resolves when it has ended, with whether it was answered. */
  send(): Promise<boolean>;
  /** Ends the loop: nothing is sent any more. */
  readonly signal: AbortSignal;
}

/** How long a client of a closed loop waits at least, where it was not answered: nobody asks again at once. */
const MIN_RETRY_MS = 100;

/** Sends requests until the signal says to stop, and resolves when all that were sent have ended. */
export async function runArrivalLoop(loop: ArrivalLoop): Promise<void> {
  if (loop.arrivals.kind === 'open') return runOpenLoop(loop, 1000 / loop.arrivals.ratePerSecond);
  const { clients, thinkMs } = loop.arrivals;
  await Promise.all(Array.from({ length: clients }, () => runClient(loop, thinkMs)));
}

/** Requests that know nothing of each other, so that those of a slow moment pile up as they do in life. */
async function runOpenLoop({ random, send, signal }: ArrivalLoop, meanMs: number): Promise<void> {
  const running = new Set<Promise<boolean>>();
  let dueMs = performance.now() + drawWait(meanMs, random);
  while (!signal.aborted) {
    const waitMs = dueMs - performance.now();
    if (waitMs > 1) {
      await pause(waitMs, signal);
      continue;
    }
    const request = send();
    running.add(request);
    void request.finally(() => running.delete(request));
    dueMs += drawWait(meanMs, random);
  }
  await Promise.all(running);
}

async function runClient({ random, send, signal }: ArrivalLoop, thinkMs: number): Promise<void> {
  // They do not all begin at once, which no crowd does.
  await pause(random() * Math.min(thinkMs, 1000), signal);
  while (!signal.aborted) {
    const isAnswered = await send();
    const waitMs = drawWait(thinkMs, random);
    await pause(isAnswered ? waitMs : Math.max(waitMs, MIN_RETRY_MS), signal);
  }
}

/** Waits, or until the signal says to stop. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms > 0 && !signal.aborted) await sleep(ms, undefined, { signal }).catch(() => undefined);
}
