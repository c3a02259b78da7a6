import type { ModelRunner } from '../model/model-runner.js';
import type { GroupRequest } from '../scheduling/group-request.js';
import { Scheduler, type SchedulerOptions } from '../scheduling/scheduler.js';
import type { Sequence } from '../scheduling/sequence.js';
import { SequenceGroup } from '../scheduling/sequence-group.js';
import { freeArrays } from './free-arrays.js';
import { type LogitRows, logitRowsOf, toRowNumbers } from './logit-rows.js';
import { SequenceSampler } from './sequence-sampler.js';
import { StepMeter } from './step-meter.js';
import type { SequenceName, SequenceOutput, StartedSequence, StepOutput } from './step-output.js';

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

/** The engine's hot loop, one turn of it at a time: ids in, ids out. */
export class EngineCore {
  readonly #runner: ModelRunner;
  readonly #scheduler: Scheduler;
  readonly #sampler: SequenceSampler;
  readonly #vocabSize: number;
  readonly #lookup: boolean;
  readonly #now: () => number;
  /** Those that have not ended, by id. */
  readonly #groups = new Map<number, SequenceGroup>();
  /** Aborted while a step may be under way: taken out before the next. */
  readonly #aborted = new Set<number>();
  readonly #stopped: Sequence[] = [];

  constructor({ runner, vocabSize, endOfTextId, scheduler, lookup = false, now }: EngineCoreOptions) {
    this.#runner = runner;
    this.#scheduler = new Scheduler(scheduler);
    this.#sampler = new SequenceSampler({ vocabSize, endOfTextId });
    this.#vocabSize = vocabSize;
    this.#lookup = lookup;
    this.#now = now;
  }

  get hasWork(): boolean {
    return this.#groups.size > 0;
  }

  /** How many requests run and wait, and how many positions of KV cache are reserved. */
  get load() {
    const { numWaiting, numReservedPositions } = this.#scheduler;
    return { numRunning: this.#groups.size - numWaiting, numWaiting, numReservedPositions };
  }

  /** Queues a request, all of it. */
  add(request: GroupRequest): void {
    const group = new SequenceGroup(request, { arrivedAtMs: this.#now(), lookup: this.#lookup });
    this.#scheduler.add(group);
    this.#groups.set(request.id, group);
  }

  /** Ends a request at the next step's start, wherever it is; it yields no more tokens. Unknown ids are ignored. */
  abort(groupId: number): void {
    if (this.#groups.has(groupId)) this.#aborted.add(groupId);
  }

  /** Ends one sequence of a request at the next step's start, where it has given tokens and has not ended. */
  stop({ groupId, index }: SequenceName): void {
    const sequence = this.#groups.get(groupId)?.running.get(index);
    // Before that its siblings may wait for it, or it for one of them.
    if (sequence !== undefined && sequence.numTokens > sequence.numPromptTokens) this.#stopped.push(sequence);
  }

  /** Advances some sequences: schedule, run, sample, update. */
  async step(): Promise<StepOutput> {
    const meter = new StepMeter(this.#now());
    this.#releaseAborted(meter);
    const admitted = this.#scheduler.admit();
    for (const sequence of admitted) this.#sampler.add(sequence);
    meter.noteAdmitted(admitted);
    const started = admitted.map((sequence) => this.#toStarted(sequence));
    const step = this.#scheduler.schedule();
    if (step === undefined) return { started, outputs: [], ...meter.read([], this.#now()) };
    meter.noteStep(step);
    const rows = logitRowsOf(step);
    const { logits, newKv } = await this.#runner.run(step, rows.flatMap(toRowNumbers));
    this.#scheduler.advance(step);
    const left = this.#scheduler.cachePrefixes(step, newKv);
    let next = 0;
    const outputs = rows.flatMap((read) => {
      const first = next;
      next += read.numPromptRows + read.numSamplingRows;
      return this.#read(read, logits.subarray(first * this.#vocabSize, next * this.#vocabSize));
    });
    freeArrays([logits, ...left.flatMap(({ parts }) => parts)]);
    // Only now: whoever leaves may make others move, with all that they have computed.
    for (const output of outputs) if (output.finishReason !== undefined) this.#release(output);
    this.#runner.dropClasses(this.#scheduler.emptyClasses, !this.hasWork);
    return { started, outputs, ...meter.read(outputs, this.#now()) };
  }

  /** Gives back memory that was kept for the next request; while there is work, nothing. */
  rest(): void {
    if (!this.hasWork) this.#runner.rest();
  }

  /** Reads what a step brought of one sequence, and where its prompt is done, of the siblings that waited for it. */
  #read(read: LogitRows, logits: Float32Array): SequenceOutput[] {
    const { sequence, numPromptRows, numSamplingRows } = read;
    const promptLogprobs = this.#sampler.readPromptLogprobs(read, logits);
    if (sequence.numPendingTokens > 0) return [{ ...silent(sequence), promptLogprobs }];
    const siblings = sequence.siblings.splice(0);
    if (numSamplingRows === 0) {
      const ended = [sequence, ...siblings].map((one) => ({
        ...silent(one),
        finishReason: 'length' as const,
      }));
      return ended.map((output, i) => (i === 0 ? { ...output, promptLogprobs } : output));
    }
    const rows = logits.subarray(numPromptRows * this.#vocabSize);
    const output = this.#sampler.sample(sequence, rows);
    return [{ ...output, promptLogprobs }, ...siblings.map((sibling) => this.#fork(sequence, sibling, rows))];
  }

  /** Goes on with a sibling where the prompt ends, as if it had been computed for it alone. */
  #fork(lead: Sequence, sibling: Sequence, logits: Float32Array): SequenceOutput {
    const output = this.#sampler.sample(sibling, logits);
    if (output.finishReason === undefined) this.#scheduler.fork(lead, sibling);
    return output;
  }

  #toStarted({ groupId, index, arrivedAtMs, numCachedTokens: cachedTokens }: Sequence): StartedSequence {
    const firstStepAtMs = this.#now();
    return { groupId, index, cachedTokens, queueMs: firstStepAtMs - arrivedAtMs, firstStepAtMs };
  }

  #releaseAborted(meter: StepMeter): void {
    for (const id of this.#aborted) {
      const group = this.#groups.get(id);
      // It was aborted during the step that ended it.
      if (group === undefined) continue;
      this.#scheduler.removeWaiting(group);
      for (const sequence of group.running.values()) {
        meter.noteWaste(sequence);
        this.#end(sequence);
      }
      this.#groups.delete(id);
    }
    this.#aborted.clear();
    for (const name of this.#stopped.splice(0)) this.#release(name);
  }

  #release({ groupId, index }: SequenceName): void {
    const group = this.#groups.get(groupId);
    const sequence = group?.running.get(index);
    if (group === undefined || sequence === undefined) return;
    group.running.delete(index);
    this.#end(sequence);
    if (group.running.size === 0 && !group.isWaiting) this.#groups.delete(groupId);
  }

  #end(sequence: Sequence): void {
    this.#scheduler.release(sequence);
    this.#sampler.remove(sequence);
  }
}

/** An output without tokens. */
function silent({ groupId, index }: Sequence): SequenceOutput {
  const none = undefined;
  return { groupId, index, tokenIds: [], logprobs: none, promptLogprobs: none, finishReason: none };
}
