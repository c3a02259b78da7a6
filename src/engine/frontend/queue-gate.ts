/** What a model's queue takes. */
export interface QueueLimits {
  /** The most sequences that have their places at a time. */
  readonly maxRunning: number;
  /** The most requests that wait. */
  readonly maxWaiting: number;
  /** The most prompt tokens, in all, of the requests that wait. */
  readonly maxWaitingTokens: number;
}

/** A request as the queue counts it. */
export interface QueuedRequest {
  /** Whose it is. */
  readonly tenant: string;
  /** Tokens of all its prompts. */
  readonly numPromptTokens: number;
}

/** Whether there is room for a request: who must leave the queue for it, or what the queue is full of. */
export type Room = { readonly evicted: readonly number[] } | { readonly fullOf: 'requests' | 'tokens' };

/**
 * Decides which requests a model's queue takes. It is asked on the main thread: the worker hears a question only between
 * two steps, and a refusal should not take that long. The worker decides whose turn it is.
 *
 * A full queue is shared fairly. A newcomer drives out the newest request of the tenant that has most of the queue,
 * unless that is its own: so one tenant alone may fill it, and a flood of one tenant's keeps nobody else out.
 */
export class QueueGate {
  readonly #limits: QueueLimits;
  /** Those of which nothing has its place yet, by id, in the order of their arrival. */
  readonly #waiting = new Map<number, QueuedRequest>();
  /** How many sequences of a request have their places, by id. */
  readonly #running = new Map<number, number>();
  #numRunning = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** Requests of which nothing has its place yet. */
  get numWaiting(): number {
    return this.#waiting.size;
  }

  /** How many of those that wait have their turns before the next request of a tenant: tenants take turns. */
  numBefore(tenant: string): number {
    const numByTenant = sumByTenant([...this.#waiting.values()], () => 1);
    const own = numByTenant.get(tenant) ?? 0;
    let numBefore = own;
    for (const [other, count] of numByTenant) if (other !== tenant) numBefore += Math.min(count, own + 1);
    return numBefore;
  }

  /** Finds room for a request, without changing anything. */
  findRoom(request: QueuedRequest): Room {
    const entries = [...this.#waiting];
    const evicted: number[] = [];
    for (;;) {
      const waiting = entries.map(([, entry]) => entry);
      const fullOf = this.#fullOf(waiting, request);
      if (fullOf === undefined) return { evicted };
      const measure = fullOf === 'requests' ? () => 1 : (entry: QueuedRequest) => entry.numPromptTokens;
      const largest = largestOf(sumByTenant([request, ...waiting], measure));
      const newest = entries.findLastIndex(([, { tenant }]) => tenant === largest);
      if (largest === request.tenant || newest < 0) return { fullOf };
      evicted.push(...entries.splice(newest, 1).map(([id]) => id));
    }
  }

  /** A request has come in. */
  enter(id: number, request: QueuedRequest): void {
    this.#waiting.set(id, request);
  }

  /** A sequence of a request has its place; true where it is the first. Unknown ids are ignored. */
  start(id: number): boolean {
    const isFirst = this.#waiting.delete(id);
    const numRunning = isFirst ? 0 : this.#running.get(id);
    if (numRunning === undefined) return false;
    this.#running.set(id, numRunning + 1);
    this.#numRunning += 1;
    return isFirst;
  }

  /** A sequence of a request has ended. Unknown ids are ignored. */
  finish(id: number): void {
    const numRunning = this.#running.get(id);
    if (numRunning === undefined || numRunning === 0) return;
    this.#running.set(id, numRunning - 1);
    this.#numRunning -= 1;
  }

  /** A request is over, wherever it was. */
  leave(id: number): void {
    this.#waiting.delete(id);
    this.#numRunning -= this.#running.get(id) ?? 0;
    this.#running.delete(id);
  }

  #fullOf(
    waiting: readonly QueuedRequest[],
    { numPromptTokens }: QueuedRequest,
  ): 'requests' | 'tokens' | undefined {
    const { maxRunning, maxWaiting, maxWaitingTokens } = this.#limits;
    // As many as there are free places only wait for the next step to begin, and do not count.
    const numFree = Math.max(0, maxRunning - this.#numRunning);
    if (waiting.length >= maxWaiting + numFree) return 'requests';
    const numTokens = waiting.reduce((sum, entry) => sum + entry.numPromptTokens, numPromptTokens);
    // One that is alone may be as long as the context and the contract allow.
    return waiting.length > 0 && numTokens > maxWaitingTokens ? 'tokens' : undefined;
  }
}

function sumByTenant(
  requests: readonly QueuedRequest[],
  measure: (request: QueuedRequest) => number,
): Map<string, number> {
  const sums = new Map<string, number>();
  for (const request of requests) {
    sums.set(request.tenant, (sums.get(request.tenant) ?? 0) + measure(request));
  }
  return sums;
}

/** Who has most; of several, the first. */
function largestOf(sums: ReadonlyMap<string, number>): string | undefined {
  let largest: string | undefined;
  for (const [tenant, sum] of sums) {
    if (largest === undefined || sum > (sums.get(largest) ?? 0)) largest = tenant;
  }
  return largest;
}
