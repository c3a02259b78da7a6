import type { StepOutput } from '../core/step-output.js';
import type { EngineError } from '../engine-error.js';
import type { GroupRequest } from '../scheduling/group-request.js';
import { AdmissionPace } from './admission-pace.js';
import { type FullQueue, queueFull } from './model-errors.js';
import { QueueGate, type QueueLimits } from './queue-gate.js';
import { QueueRoom } from './queue-room.js';

/** How long a worker's queue may become. */
export interface WorkerQueueOptions {
  readonly limits: QueueLimits;
  /** The longest that a request is predicted to wait for its turn; one that would wait longer is refused. Milliseconds. */
  readonly maxWaitMs: number;
  /** Told when {@link WorkerQueue.isFull} has changed. */
  readonly onChange: () => void;
}

/** A request that must leave the queue, and what it is told. */
export interface Evicted {
  readonly id: number;
  readonly refusal: EngineError;
}

/** When to come back where nothing is known of the queue's pace, and at the latest. Milliseconds. */
const RETRY_AFTER_MS = 1000;
const MAX_RETRY_AFTER_MS = 60_000;

/** The main thread's view of a worker's queue: who is let in, how long the wait will be, and when to come back. */
export class WorkerQueue {
  readonly #gate: QueueGate;
  readonly #maxWaitMs: number;
  readonly #onChange: () => void;
  readonly #pace = new AdmissionPace();
  readonly #room = new QueueRoom();

  constructor({ limits, maxWaitMs, onChange }: WorkerQueueOptions) {
    this.#gate = new QueueGate(limits);
    this.#maxWaitMs = maxWaitMs;
    this.#onChange = onChange;
  }

  /** Requests of which nothing has its place yet. */
  get numWaiting(): number {
    return this.#gate.numWaiting;
  }

  /** Whether it has refused a request, and is still nearly as long. */
  get isFull(): boolean {
    return this.#room.isFull;
  }

  /** How long all who wait now take until they have had their turns, as far as is known. Milliseconds. */
  get waitMs(): number {
    return this.#pace.leastWaitMs(this.numWaiting, performance.now());
  }

  /** How long a tenant's request that comes now waits for its turn, as far as is known. Milliseconds. */
  leastWaitMs(tenant: string): number {
    return this.#pace.leastWaitMs(this.#gate.numBefore(tenant), performance.now());
  }

  /**
   * Refuses a tenant's request, however short, where there is no room for it, or its turn would come too late.
   *
   * @throws EngineError QUEUE_FULL.
   */
  refuseIfFull(tenant: string): void {
    const room = this.#gate.findRoom({ tenant, numPromptTokens: 1 });
    if ('fullOf' in room) throw this.#refuse(room.fullOf);
    if (this.leastWaitMs(tenant) > this.#maxWaitMs) throw this.#refuse('wait');
  }

  /**
   * Lets a request in, if there is room for it.
   *
   * @returns those who have left for it, or why it can't come in.
   */
  enter({ id, tenant, prompts }: GroupRequest): { evicted: readonly Evicted[] } | { refusal: EngineError } {
    const queued = { tenant, numPromptTokens: prompts.reduce((sum, { length }) => sum + length, 0) };
    const room = this.#gate.findRoom(queued);
    if ('fullOf' in room) return { refusal: this.#refuse(room.fullOf) };
    const evicted = room.evicted.map((other) => {
      this.#gate.leave(other);
      return { id: other, refusal: this.#refuse('share') };
    });
    this.#gate.enter(id, queued);
    return { evicted };
  }

  /** A request is over, wherever it was. */
  leave(id: number): void {
    this.#gate.leave(id);
  }

  /** A step gave some their places and ended others, or nothing was left to do; in the worker so many wait. */
  update({ started, outputs }: Pick<StepOutput, 'started' | 'outputs'>, numWaiting: number): void {
    let numAdmitted = 0;
    for (const { groupId } of started) if (this.#gate.start(groupId)) numAdmitted += 1;
    for (const { groupId, finishReason } of outputs) {
      if (finishReason !== undefined) this.#gate.finish(groupId);
    }
    this.#pace.step(numAdmitted, numWaiting, performance.now());
    const wasFull = this.isFull;
    this.#room.update(this.numWaiting);
    if (wasFull && !this.isFull) this.#onChange();
  }

  #refuse(limit: FullQueue['limit']): EngineError {
    const { numWaiting, isFull: wasFull } = this;
    this.#room.refuse(numWaiting);
    if (!wasFull) this.#onChange();
    const retryAfterMs = Math.min(this.waitMs || RETRY_AFTER_MS, MAX_RETRY_AFTER_MS);
    return queueFull({ limit, numWaiting, retryAfterMs });
  }
}
