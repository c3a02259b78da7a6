import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GroupRequest } from '../../../src/engine/scheduling/group-request.js';
import type { ScheduledBatch, ScheduledStep } from '../../../src/engine/scheduling/scheduled-step.js';
import { Scheduler, type SchedulerOptions } from '../../../src/engine/scheduling/scheduler.js';
import type { Sequence } from '../../../src/engine/scheduling/sequence.js';
import { SequenceGroup } from '../../../src/engine/scheduling/sequence-group.js';
import { groupRequest } from '../../support/group-request.js';

const CHUNK = 16;
const LONG = 2 * CHUNK;
const options: SchedulerOptions = {
  capacities: [64, 128, 256],
  maxRunning: 8,
  maxPrefilling: 3,
  chunkSizes: { short: CHUNK, long: LONG },
  maxCachedPositions: 1024,
  maxBatches: 3,
  stepCost: 400,
  batchCost: 100,
};

/** A request for one completion, or for several of the same prompt. */
function group(id: number, promptLength: number, maxTokens: number, numCandidates = 1): SequenceGroup {
  // Prompts that differ from the first token on: nothing is shared unless a test means it.
  return groupOf(id, [new Int32Array(promptLength).fill(id)], { maxTokens, numCandidates });
}

function groupOf(id: number, prompts: Int32Array[], overrides: Partial<GroupRequest> = {}): SequenceGroup {
  return new SequenceGroup(groupRequest({ id, prompts, ...overrides }), { arrivedAtMs: 0, lookup: false });
}

interface Ran {
  readonly step: ScheduledStep | undefined;
  readonly batches: readonly ScheduledBatch[];
  readonly finished: readonly Sequence[];
  /** How many batches' keys and values were not kept for other prompts. */
  readonly numLeft: number;
}

/** Runs one step as the engine's core does, with a token that says nothing. */
function run(scheduler: Scheduler, maxCachedPositions = options.maxCachedPositions): Ran {
  scheduler.admit();
  const step = scheduler.schedule();
  if (step === undefined) return { step, batches: [], finished: [], numLeft: 0 };
  checkStep(step, maxCachedPositions);
  const { batches } = step;
  const complete = batches.flatMap(({ sequences, numNewTokens }) =>
    sequences.filter((member) => member.numPendingTokens === numNewTokens),
  );
  scheduler.advance(step);
  const newKv = batches.map(({ numNewTokens }) => ({ parts: [], numRows: 1, numNewTokens }));
  const numLeft = scheduler.cachePrefixes(step, newKv).length;
  const finished: Sequence[] = [];
  for (const member of complete) {
    for (const sibling of [member, ...member.siblings.splice(0)]) {
      if (!sibling.isFull) sibling.append(7);
      if (sibling.isFull) finished.push(sibling);
      else if (sibling !== member) scheduler.fork(member, sibling);
    }
  }
  for (const member of finished) scheduler.release(member);
  return { step, batches, finished, numLeft };
}

describe('Scheduler', () => {
  it('brings every sequence to its end within its bounds, whatever comes and goes', () => {
    const arrival = fc.record({
      prompt: fc.integer({ min: 1, max: 200 }),
      maxTokens: fc.integer({ min: 0, max: 56 }),
      numCandidates: fc.integer({ min: 1, max: 12 }),
      numPrompts: fc.integer({ min: 1, max: 3 }),
      gap: fc.nat(5),
      abortAfter: fc.option(fc.nat(30)),
    });
    // Where memory is short nobody is a guest in a larger class; where there is more, many are.
    const bounds = fc.constantFrom(options, { ...options, maxRunning: 16, maxCachedPositions: 2560 });
    fc.assert(
      fc.property(fc.array(arrival, { maxLength: 20 }), bounds, (arrivals, limits) => {
        const scheduler = new Scheduler(limits);
        const live = new Map<SequenceGroup, number | null>();
        let steps = 0;
        const step = () => {
          const { finished } = run(scheduler, limits.maxCachedPositions);
          for (const [member, left] of live) {
            for (const { groupId, index } of finished) {
              if (groupId === member.request.id) member.running.delete(index);
            }
            if (!member.isWaiting && member.running.size === 0) live.delete(member);
            else if (left !== null) live.set(member, left - 1);
            if (left !== 0) continue;
            scheduler.removeWaiting(member);
            for (const sequence of member.running.values()) scheduler.release(sequence);
            live.delete(member);
          }
          expect(scheduler.numRunning).toBeLessThanOrEqual(limits.maxRunning);
          const held = scheduler.numReservedPositions + scheduler.numCachedPositions;
          expect(held).toBeLessThanOrEqual(limits.maxCachedPositions);
          steps++;
        };
        for (const [id, { prompt, gap, abortAfter, numPrompts, ...rest }] of arrivals.entries()) {
          // Of equal length and different from the third chunk on: computed one after the other as far as they share.
          const prompts = Array.from({ length: numPrompts }, (_, i) =>
            Int32Array.from({ length: prompt }, (_, position) => (position < 40 ? id : id + i)),
          );
          const member = groupOf(id, prompts, rest);
          scheduler.add(member);
          live.set(member, abortAfter);
          for (let i = 0; i < gap; i++) step();
        }
        while (live.size > 0 && steps < 50_000) step();
        expect(live.size).toBe(0);
        expect([scheduler.numRunning, scheduler.numWaiting, scheduler.numReservedPositions]).toEqual([
          0, 0, 0,
        ]);
        expect(scheduler.schedule()).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it('gives those that decode a token with every chunk of a long prompt', () => {
    const scheduler = new Scheduler(options);
    for (let id = 0; id < 3; id++) scheduler.add(group(id, 1, 40));
    run(scheduler);
    scheduler.add(group(9, 200, 4));
    const steps = Array.from({ length: 12 }, () => run(scheduler).batches);
    const chunks = steps.map((batches) => batches.filter(({ numNewTokens }) => numNewTokens > 1));
    expect(chunks.flat().map(({ numNewTokens }) => numNewTokens)).toEqual([16, 16, 32, 32, 32, 32, 32, 8]);
    expect(Math.max(...chunks.map((ofStep) => ofStep.length))).toBe(1);
    for (const batches of steps) {
      const decoding = batches.filter(({ numNewTokens }) => numNewTokens === 1);
      expect(
        decoding.flatMap(({ sequences }) => sequences).filter(({ groupId }) => groupId < 9),
      ).toHaveLength(3);
    }
  });

  it('computes short prompts side by side, no more tokens than a long chunk has', () => {
    const scheduler = new Scheduler({ ...options, maxPrefilling: 8 });
    for (const [id, length] of [10, 12, 14, 5, 6].entries()) scheduler.add(group(id, length, 1));
    const steps = [run(scheduler), run(scheduler)].map(({ batches }) =>
      batches.map(({ numNewTokens }) => numNewTokens),
    );
    expect(steps).toEqual([
      [10, 12],
      [14, 5],
    ]);
  });

  it('gives back what is kept for no other prompt: part of a chunk, or a decoded token', () => {
    const scheduler = new Scheduler(options);
    const runAll = (id: number) => {
      scheduler.add(groupOf(id, [new Int32Array(CHUNK + 4).fill(7)], { maxTokens: 3 }));
      const counts = [];
      for (let ran = run(scheduler); ran.step !== undefined; ran = run(scheduler)) {
        counts.push([ran.batches[0]!.numNewTokens, ran.numLeft]);
        if (ran.finished.length > 0) break;
      }
      return counts;
    };
    const decoding = [
      [4, 1],
      [1, 1],
      [1, 1],
    ];
    expect(runAll(1)).toEqual([[CHUNK, 0], ...decoding]);
    expect(runAll(2)).toEqual(decoding);
  });

  it('gives a short prompt its turn while a long one is prefilled', () => {
    const scheduler = new Scheduler(options);
    scheduler.add(group(1, 200, 4));
    run(scheduler);
    run(scheduler);
    const short = group(2, 10, 4);
    scheduler.add(short);
    run(scheduler);
    run(scheduler);
    expect(short.running.get(0)!.numTokens).toBe(11);
  });

  it('starts a prompt that begins like an earlier one where the whole chunks they share end', () => {
    const scheduler = new Scheduler(options);
    const finish = (promptIds: number[]) => {
      const member = groupOf(1, [Int32Array.from(promptIds)]);
      scheduler.add(member);
      const { next } = member;
      while (run(scheduler).step !== undefined);
      return next.numCachedTokens;
    };
    const shared = Array.from({ length: 40 }, (_, i) => i);
    expect(finish(shared)).toBe(0);
    expect(finish([...shared, 1, 2])).toBe(2 * CHUNK);
    expect(finish([...shared.slice(0, 20), 99])).toBe(CHUNK);
    expect(finish([99, ...shared])).toBe(0);
    // One token is always left to compute, and what is left starts at a chunk.
    expect(finish(shared.slice(0, 2 * CHUNK))).toBe(CHUNK);
  });

  it('copies what is cached of a prompt once: to where all of it has room', () => {
    const scheduler = new Scheduler(options);
    const shared = Array.from({ length: 64 }, (_, i) => i);
    scheduler.add(groupOf(1, [Int32Array.from([...shared, 1])]));
    while (run(scheduler).step !== undefined);
    scheduler.add(groupOf(2, [Int32Array.from([...shared, 2, 3])]));
    const { moves, batches } = run(scheduler).step!;
    // All of a slot of 64 positions would be taken.
    expect(batches[0]!.capacity).toBe(128);
    expect(moves).toEqual([{ blocks: expect.anything(), to: batches[0]!.firstSlot }]);
  });

  it('runs a few short sequences beside the long ones, and many apart', () => {
    const scheduler = new Scheduler({
      ...options,
      maxRunning: 40,
      maxCachedPositions: 10_000,
      stepCost: 0,
      batchCost: 1000,
    });
    const classesOf = (numShort: number) => {
      scheduler.add(group(1000, 130, 30));
      for (let id = 0; id < numShort; id++) scheduler.add(group(id, 1, 200));
      for (let i = 0; i < 24; i++) run(scheduler, 10_000);
      return run(scheduler, 10_000).batches.map(({ capacity }) => capacity);
    };
    expect(classesOf(2)).toEqual([256]);
    expect(classesOf(25)).toEqual([64, 256]);
  });

  it('runs short sequences beside the long ones again after siblings that never ran', () => {
    const scheduler = new Scheduler({
      ...options,
      maxRunning: 40,
      maxCachedPositions: 10_000,
      batchCost: 1000,
    });
    const gone = group(999, 100, 20, 40);
    scheduler.add(gone);
    scheduler.admit();
    for (const sequence of gone.running.values()) scheduler.release(sequence);
    scheduler.add(group(1000, 130, 30));
    for (const id of [1, 2]) scheduler.add(group(id, 1, 200));
    for (let i = 0; i < 24; i++) run(scheduler, 10_000);
    expect(run(scheduler, 10_000).batches.map(({ sequences }) => sequences.length)).toEqual([3]);
  });

  it.each(['is computed', 'is cached, and they come within a round'])(
    'has slots for those that are forked in a class with guests, where their prompt %s',
    (how) => {
      const scheduler = new Scheduler({
        ...options,
        maxRunning: 16,
        maxCachedPositions: 2560,
        batchCost: 4000,
      });
      const step = () => run(scheduler, 2560).batches; // checks that each batch fits its class
      scheduler.add(group(7, 140, 1));
      while (step().length > 0);
      scheduler.add(group(1, 150, 100));
      for (const id of [2, 3, 4, 5, 6]) scheduler.add(group(id, 1, 60));
      for (let i = 0; i < 24; i++) step();
      expect(step().map(({ sequences, capacity }) => [sequences.length, capacity])).toEqual([[6, 256]]);
      if (how === 'is computed') {
        scheduler.add(group(8, 140, 100, 6));
      } else {
        const gone = group(9, 100, 1);
        scheduler.add(gone);
        while (step().every(({ numNewTokens }) => numNewTokens === 1));
        step();
        scheduler.release(gone.running.get(0)!);
        scheduler.add(groupOf(8, [new Int32Array(140).fill(7)], { maxTokens: 100, numCandidates: 6 }));
      }
      let mostForked = 0;
      for (let i = 0; i < 60; i++) {
        const members = step().flatMap(({ sequences }) => sequences);
        const numForked = members.filter(({ groupId }) => groupId === 8).length;
        mostForked = Math.max(mostForked, numForked);
      }
      expect(mostForked).toBe(6);
    },
  );

  it('keeps short sequences apart where the class of the long ones has no slots to spare', () => {
    // Reading the weights is dear, so all would run together if there were room.
    const scheduler = new Scheduler({ ...options, stepCost: 100_000, maxBatches: 1 });
    for (const id of [1, 2, 3]) scheduler.add(group(id, 150, 40));
    for (const id of [4, 5, 6]) scheduler.add(group(id, 1, 60));
    // Each batch is checked to fit its class.
    let numSteps = 0;
    while (run(scheduler).step !== undefined) numSteps++;
    expect(numSteps).toBeGreaterThan(60);
  });

  it('cuts chunks at the same positions of the sequence, wherever it starts to run', () => {
    const scheduler = new Scheduler(options);
    scheduler.add(group(1, 41, 2));
    const sizes: number[] = [];
    for (let i = 0; i < 4; i++) sizes.push(...run(scheduler).batches.map(({ numNewTokens }) => numNewTokens));
    expect(sizes).toEqual([16, 16, 9, 1]);
  });

  it('computes a single last token of a prompt together with those that decode', () => {
    const scheduler = new Scheduler(options);
    scheduler.add(group(1, 1, 10));
    scheduler.add(group(2, CHUNK + 1, 10));
    const steps = [run(scheduler), run(scheduler)].map(({ batches }) => batches);
    const who = steps.map((batches) =>
      batches.map(({ sequences }) => sequences.map(({ groupId }) => groupId)),
    );
    expect(who).toEqual([[[1], [2]], [[1, 2]]]);
  });

  it('gives the tenants turns, each with its oldest request', () => {
    const scheduler = new Scheduler({ ...options, maxPrefilling: 1 });
    const from = (tenant: string, id: number) =>
      groupOf(id, [new Int32Array(2).fill(id)], { tenant, maxTokens: 1 });
    for (const id of [1, 2, 3, 4, 5]) scheduler.add(from('flood', id));
    for (const id of [11, 12]) scheduler.add(from('guest', id));
    scheduler.add(from('third', 21));
    const turns: number[] = [];
    while (scheduler.numWaiting > 0) {
      turns.push(...scheduler.admit().map(({ groupId }) => groupId));
      run(scheduler);
    }
    expect(turns).toEqual([1, 11, 21, 2, 12, 3, 4, 5]);
  });

  it('keeps those waiting for whose end there is no memory, in the order of arrival', () => {
    const scheduler = new Scheduler({ ...options, maxCachedPositions: 300 });
    const large = group(1, 100, 100); // takes 256
    const larger = group(2, 60, 60); // takes 128: does not fit beside it
    const small = group(3, 2, 2); // would fit, but came later
    for (const member of [large, larger, small]) scheduler.add(member);
    expect(scheduler.admit().map(({ groupId }) => groupId)).toEqual([1]);
    scheduler.release(large.running.get(0)!);
    expect(scheduler.admit().map(({ groupId }) => groupId)).toEqual([2, 3]);
  });
});

function checkStep({ batches, moves }: ScheduledStep, maxCachedPositions: number): void {
  expect(batches.length).toBeLessThanOrEqual(options.maxBatches);
  const members = batches.flatMap(({ sequences }) => sequences);
  expect(new Set(members).size).toBe(members.length);
  for (const batch of batches) checkBatch(batch, maxCachedPositions);
  for (const { to } of moves) {
    // The store has as many slots, and one by way of which two are swapped.
    expect(to.index).toBeLessThanOrEqual(maxCachedPositions / options.capacities[to.classIndex]!);
  }
  const chunks = batches.filter(({ numNewTokens }) => numNewTokens > 1);
  expect(chunks.reduce((sum, { numNewTokens }) => sum + numNewTokens, 0)).toBeLessThanOrEqual(LONG);
}

function checkBatch(batch: ScheduledBatch, maxCachedPositions: number): void {
  const { sequences, firstSlot, capacity, numNewTokens } = batch;
  for (const [row, { slot, numComputedTokens, numPendingTokens }] of sequences.entries()) {
    expect(slot).toEqual({ classIndex: firstSlot.classIndex, index: firstSlot.index + row });
    expect(numComputedTokens + numNewTokens).toBeLessThanOrEqual(capacity);
    expect(numNewTokens).toBeLessThanOrEqual(numPendingTokens);
  }
  expect(firstSlot.index + sequences.length).toBeLessThanOrEqual(maxCachedPositions / capacity);
  if (numNewTokens === 1) {
    expect(firstSlot.index).toBe(0);
    return;
  }
  const [{ numComputedTokens }] = sequences as [Sequence];
  expect(numComputedTokens % (numComputedTokens < LONG ? CHUNK : LONG)).toBe(0);
}
