import type { ModelRunner } from '../model/model-runner.js';
import { LogitsProcessor } from '../sampling/logits-processor.js';
import { createRandom } from '../sampling/random.js';
import { Sampler } from '../sampling/sampler.js';
import type { ScheduledBatch } from '../scheduling/scheduled-batch.js';
import { Scheduler, type SchedulerOptions } from '../scheduling/scheduler.js';
import { Sequence, type SequenceFinishReason, type SequenceRequest } from '../scheduling/sequence.js';

/** What one step brought about. */
export interface StepOutput {
  /** Sequences that got their place, in order. */
  readonly started: readonly StartedSequence[];
  /** The new tokens of each sequence that has come so far. */
  readonly sampled: readonly SampledTokens[];
  /** When the tokens were there, by the clock of the core. Milliseconds. */
  readonly atMs: number;
}

export interface StartedSequence {
  readonly id: number;
  readonly cachedTokens: number;
  readonly queueMs: number;
  /** By the clock of the core. Milliseconds. */
  readonly firstStepAtMs: number;
}

export interface SampledTokens {
  readonly id: number;
  /** One, and behind it those that drafts had right. */
  readonly tokenIds: readonly number[];
  /** Set if the last token is the sequence's last. */
  readonly finishReason: SequenceFinishReason | undefined;
}

/** What the core is made of. */
export interface EngineCoreOptions {
  readonly runner: ModelRunner;
  readonly vocabSize: number;
  readonly endOfTextId: number;
  readonly scheduler: SchedulerOptions;
  /**
   * Whether few sequences draft their next tokens from their own text. Several tokens computed together round
   * differently from one by one: tokens stay the same but where two are as good as equally probable. Default false.
   */
  readonly lookup?: boolean;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

interface RunningSequence {
  readonly sequence: Sequence;
  readonly processor: LogitsProcessor;
  /** The tokens that end it. */
  readonly endIds: readonly number[];
  readonly random: (position: number) => number;
}

/** The engine's hot loop, one turn of it at a time: ids in, ids out. */
export class EngineCore {
  readonly #runner: ModelRunner;
  readonly #scheduler: Scheduler;
  readonly #sampler: Sampler;
  readonly #vocabSize: number;
  readonly #endOfTextId: number;
  readonly #lookup: boolean;
  readonly #now: () => number;
  readonly #sequences = new Map<number, RunningSequence>();
  /** Aborted while a step may be under way: taken out before the next. */
  readonly #aborted = new Set<number>();

  constructor({ runner, vocabSize, endOfTextId, scheduler, lookup = false, now }: EngineCoreOptions) {
    this.#runner = runner;
    this.#scheduler = new Scheduler(scheduler);
    this.#sampler = new Sampler(vocabSize);
    this.#vocabSize = vocabSize;
    this.#endOfTextId = endOfTextId;
    this.#lookup = lookup;
    this.#now = now;
  }

  get hasWork(): boolean {
    return this.#sequences.size > 0;
  }

  /** What is running and waiting, and how many positions of KV cache are reserved. */
  get load() {
    const { numRunning, numWaiting, numReservedPositions } = this.#scheduler;
    return { numRunning, numWaiting, numReservedPositions };
  }

  /** Queues a sequence; false if the queue is full. */
  add(request: SequenceRequest): boolean {
    const sequence = new Sequence(request, { arrivedAtMs: this.#now(), lookup: this.#lookup });
    if (!this.#scheduler.add(sequence)) return false;
    const { promptIds, sampling } = request;
    const endIds = sampling.ignoreEos ? [] : [this.#endOfTextId];
    endIds.push(...sampling.stopTokenIds);
    const processor = new LogitsProcessor(sampling, { promptIds, endIds });
    const random = createRandom(sampling.seed);
    this.#sequences.set(request.id, {
      sequence,
      processor,
      endIds,
      random: (position) => random(0, position),
    });
    return true;
  }

  /** Ends a sequence at the next step's start, wherever it is; it yields no more tokens. Unknown ids are ignored. */
  abort(id: number): void {
    if (this.#sequences.has(id)) this.#aborted.add(id);
  }

  /** Advances some sequences: schedule, run, sample, update. */
  async step(): Promise<StepOutput> {
    this.#releaseAborted();
    const started = this.#scheduler.admit().map((sequence) => this.#toStarted(sequence));
    const batch = this.#scheduler.schedule();
    if (batch === undefined) return { started, sampled: [], atMs: this.#now() };
    const targets = samplingTargets(batch);
    const { logits, newKv } = await this.#runner.run(
      batch,
      targets.flatMap(({ rows }) => rows),
    );
    this.#scheduler.advance(batch);
    this.#scheduler.cachePrefix(batch, newKv);
    let next = 0;
    const sampled = targets.map(({ sequence, rows }) => {
      const first = next;
      next += rows.length;
      return this.#sample(sequence, logits.subarray(first * this.#vocabSize, next * this.#vocabSize));
    });
    // Only now: whoever leaves may make others move, with all that they have computed.
    for (const { id, finishReason } of sampled) if (finishReason !== undefined) this.#release(id);
    this.#runner.dropClasses(this.#scheduler.emptyClasses, !this.hasWork);
    return { started, sampled, atMs: this.#now() };
  }

  /**
   * Chooses a sequence's next token from the first row of its logits, and as long as a draft had it right, the one after
   * it from the next row.
   */
  #sample(sequence: Sequence, logits: Float32Array): SampledTokens {
    const { random, processor, endIds } = this.#sequences.get(sequence.id)!;
    const { numDraftTokens, tokenIds: known } = sequence;
    const tokenIds: number[] = [];
    let finishReason: SequenceFinishReason | undefined;
    for (let isRight = true; isRight && finishReason === undefined; ) {
      const start = tokenIds.length * this.#vocabSize;
      const row = logits.subarray(start, start + this.#vocabSize);
      processor.apply(row);
      const tokenId = this.#sampler.sample(row, sequence.sampling, random(sequence.numTokens));
      isRight = tokenIds.length < numDraftTokens && known[sequence.numTokens] === tokenId;
      if (isRight) sequence.numComputedTokens++;
      processor.append(tokenId);
      sequence.append(tokenId);
      tokenIds.push(tokenId);
      finishReason = finishReasonOf(sequence, endIds);
    }
    sequence.lookup?.learn(numDraftTokens, tokenIds.length - 1);
    return { id: sequence.id, tokenIds, finishReason };
  }

  #toStarted({ id, arrivedAtMs, numCachedTokens }: Sequence): StartedSequence {
    const firstStepAtMs = this.#now();
    return { id, cachedTokens: numCachedTokens, queueMs: firstStepAtMs - arrivedAtMs, firstStepAtMs };
  }

  #releaseAborted(): void {
    for (const id of this.#aborted) this.#release(id);
    this.#aborted.clear();
  }

  #release(id: number): void {
    const running = this.#sequences.get(id);
    if (running === undefined) return;
    this.#scheduler.release(running.sequence);
    this.#sequences.delete(id);
  }
}

/** Whether a sequence's last token ends it. */
function finishReasonOf(
  { tokenIds, numTokens, maxTotalTokens }: Sequence,
  endIds: readonly number[],
): SequenceFinishReason | undefined {
  if (endIds.includes(tokenIds[numTokens - 1]!)) return 'stop';
  return numTokens >= maxTotalTokens ? 'length' : undefined;
}

/** A sequence that gets new tokens, and the rows of the batch to choose them from. */
interface SamplingTarget {
  readonly sequence: Sequence;
  readonly rows: readonly number[];
}

/** The sequences whose known tokens are all computed by this batch: from the last one's row on they get new tokens. */
function samplingTargets({ sequences, numNewTokens }: ScheduledBatch): SamplingTarget[] {
  return sequences.flatMap((sequence, index) => {
    const { numPendingTokens, numDraftTokens } = sequence;
    if (numPendingTokens > numNewTokens) return [];
    const first = index * numNewTokens + numPendingTokens - 1;
    return [{ sequence, rows: Array.from({ length: 1 + numDraftTokens }, (_, i) => first + i) }];
  });
}
