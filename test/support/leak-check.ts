import { getEventListeners } from 'node:events';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/** What a process holds that must not grow. */
export interface Held {
  /** Bytes of live objects. */
  readonly heapBytes: number;
  /** Sockets that are open, on either end. */
  readonly sockets: number;
}

/** Measures it after the garbage is gone. */
export async function measureHeld(): Promise<Held> {
  // What finalizers and closing handles let go of goes with the second time.
  for (let i = 0; i < 2; i++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const sockets = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
  return { heapBytes: process.memoryUsage().heapUsed, sockets };
}

/** Counts the abort listeners on the signals that more than one request shares, those of the servers' own ends. */
export class SharedSignals {
  readonly #signals: readonly AbortSignal[];

  private constructor(signals: readonly AbortSignal[]) {
    this.#signals = signals;
  }

  /** Finds the signals: those to which the request adds a listener each time that it is made. */
  static async find(request: () => Promise<unknown>): Promise<SharedSignals> {
    const first = await signalsUsedBy(request);
    const second = await signalsUsedBy(request);
    return new SharedSignals([...first].filter((signal) => second.has(signal)));
  }

  get numSignals(): number {
    return this.#signals.length;
  }

  get numListeners(): number {
    return this.#signals.reduce((sum, signal) => sum + getEventListeners(signal, 'abort').length, 0);
  }
}

async function signalsUsedBy(request: () => Promise<unknown>): Promise<Set<AbortSignal>> {
  const used = new Set<AbortSignal>();
  const { addEventListener } = EventTarget.prototype;
  EventTarget.prototype.addEventListener = function (this: EventTarget, ...args) {
    if (this instanceof AbortSignal) used.add(this);
    addEventListener.apply(this, args);
  };
  try {
    await request();
  } finally {
    EventTarget.prototype.addEventListener = addEventListener;
  }
  return used;
}
