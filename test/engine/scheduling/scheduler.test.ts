import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GroupRequest } from '../../../src/engine/scheduling/group-request.js';
import type { ScheduledBatch } from '../../../src/engine/scheduling/scheduled-batch.js';
import { Scheduler, type SchedulerOptions } from '../../../src/engine/scheduling/scheduler.js';
import type { Sequence } from '../../../src/engine/scheduling/sequence.js';
import { SequenceGroup } from '../../../src/engine/scheduling/sequence-group.js';
import { groupRequest } from '../../support/group-request.js';

const CHUNK = 16;
const options: SchedulerOptions = {
  capacities: [64, 128, 256],
  maxRunning: 8,
  maxPrefilling: 3,
  prefillChunk: CHUNK,
  maxCachedPositions: 1024,
  batchCost: 400,
};

/** A request for one completion, or for several of the same prompt. */
function group(id: number, promptLength: number, maxTokens: number, numCandidates = 1): SequenceGroup {
  // Prompts that differ from the first token on: nothing is shared unless a test means it.
  return groupOf(id, [new Int32Array(promptLength).fill(id)], { maxTokens, numCandidates });
}

function groupOf(id: number, prompts: Int32Array[], overrides: Partial<GroupRequest> = {}): SequenceGroup {
  return new SequenceGroup(groupRequest({ id, prompts, ...overrides }), { arrivedAtMs: 0, lookup: false });
}

/** Runs one batch as the engine's core does, with a token that says nothing. */
function run(
  scheduler: Scheduler,
  maxCachedPositions = options.maxCachedPositions,
): { batch: ScheduledBatch | undefined; finished: Sequence[] } {
  scheduler.admit();
  const batch = scheduler.schedule();
  const finished: Sequence[] = [];
  if (batch === undefined) return { batch, finished };
  checkBatch(batch, maxCachedPositions);
  const complete = batch.sequences.filter((member) => member.numPendingTokens === batch.numNewTokens);
  scheduler.advance(batch);
  scheduler.cachePrefix(batch, { parts: [], numRows: 1, numNewTokens: batch.numNewTokens });
  for (const member of complete) {
    for (const sibling of [member, ...member.siblings.splice(0)]) {
      if (!sibling.isFull) sibling.append(7);
      if (sibling.isFull) finished.push(sibling);
      else if (sibling !== member) scheduler.fork(member, sibling);
    }
  }
  for (const member of finished) scheduler.release(member);
  return { batch, finished };
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

  it('lets at most one prefill chunk stand between two decode steps', () => {
    const scheduler = new Scheduler(options);
    for (let id = 0; id < 3; id++) scheduler.add(group(id, 1, 40));
    run(scheduler);
    scheduler.add(group(9, 200, 4));
    const kinds: string[] = [];
    for (let i = 0; i < 40; i++) {
      const { batch } = run(scheduler);
      kinds.push(batch!.numNewTokens > 1 ? 'prefill' : 'decode');
    }
    expect(kinds.filter((kind) => kind === 'prefill').length).toBe(Math.ceil(200 / CHUNK));
    expect(kinds.join(' ')).not.toContain('prefill prefill');
  });

  it('gives a short prompt its turn while a long one is prefilled', () => {
    const scheduler = new Scheduler(options);
    scheduler.add(group(1, 200, 4));
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
      while (run(scheduler).batch !== undefined);
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

  it('runs a few short sequences beside the long ones, and many apart', () => {
    const scheduler = new Scheduler({
      ...options,
      maxRunning: 40,
      maxCachedPositions: 10_000,
      batchCost: 1000,
    });
    const classesOf = (numShort: number) => {
      scheduler.add(group(1000, 130, 30));
      for (let id = 0; id < numShort; id++) scheduler.add(group(id, 1, 200));
      for (let i = 0; i < 24; i++) run(scheduler, 10_000);
      const batches = [run(scheduler, 10_000), run(scheduler, 10_000)].map(({ batch }) => batch!);
      return new Set(batches.map(({ capacity }) => capacity));
    };
    expect(classesOf(2)).toEqual(new Set([256]));
    expect(classesOf(25)).toEqual(new Set([64, 256]));
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
    expect(run(scheduler, 10_000).batch!.sequences).toHaveLength(3);
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
      const step = () => run(scheduler, 2560).batch; // checks that each batch fits its class
      scheduler.add(group(7, 140, 1));
      while (step() !== undefined);
      scheduler.add(group(1, 150, 100));
      for (const id of [2, 3, 4, 5, 6]) scheduler.add(group(id, 1, 60));
      for (let i = 0; i < 24; i++) step();
      const { sequences, capacity } = step()!;
      expect([sequences.length, capacity]).toEqual([6, 256]);
      if (how === 'is computed') {
        scheduler.add(group(8, 140, 100, 6));
      } else {
        const gone = group(9, 100, 1);
        scheduler.add(gone);
        while (step()!.numNewTokens === 1);
        step();
        scheduler.release(gone.running.get(0)!);
        scheduler.add(groupOf(8, [new Int32Array(140).fill(7)], { maxTokens: 100, numCandidates: 6 }));
      }
      let mostForked = 0;
      for (let i = 0; i < 60; i++) {
        const numForked = step()!.sequences.filter(({ groupId }) => groupId === 8).length;
        mostForked = Math.max(mostForked, numForked);
      }
      expect(mostForked).toBe(6);
    },
  );

  it('keeps short sequences apart where the class of the long ones has no slots to spare', () => {
    // Reading the weights is dear, so all would run together if there were room.
    const scheduler = new Scheduler({ ...options, batchCost: 100_000 });
    for (const id of [1, 2, 3]) scheduler.add(group(id, 150, 40));
    for (const id of [4, 5, 6]) scheduler.add(group(id, 1, 60));
    // Each batch is checked to fit its class.
    let numSteps = 0;
    while (run(scheduler).batch !== undefined) numSteps++;
    expect(numSteps).toBeGreaterThan(60);
  });

  it('cuts chunks at the same multiples of the sequence, wherever it starts to run', () => {
    const scheduler = new Scheduler(options);
    scheduler.add(group(1, 41, 2));
    const sizes: number[] = [];
    for (let i = 0; i < 4; i++) sizes.push(run(scheduler).batch!.numNewTokens);
    expect(sizes).toEqual([16, 16, 9, 1]);
  });

  it('computes a single last token of a prompt together with those that decode', () => {
    const scheduler = new Scheduler(options);
    scheduler.add(group(1, 1, 10));
    scheduler.add(group(2, CHUNK + 1, 10));
    const batches = [run(scheduler), run(scheduler), run(scheduler)].map(({ batch }) => batch!);
    expect(batches[1]!.numNewTokens).toBe(CHUNK);
    expect(batches[2]!.sequences.map(({ groupId }) => groupId)).toEqual([1, 2]);
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

function checkBatch(batch: ScheduledBatch, maxCachedPositions: number): void {
  const { sequences, firstSlot, capacity, numNewTokens, moves } = batch;
  for (const [row, { slot, numComputedTokens, numPendingTokens }] of sequences.entries()) {
    expect(slot).toEqual({ classIndex: firstSlot.classIndex, index: firstSlot.index + row });
    expect(numComputedTokens + numNewTokens).toBeLessThanOrEqual(capacity);
    expect(numNewTokens).toBeLessThanOrEqual(numPendingTokens);
  }
  for (const { to } of moves) {
    // The store has as many slots, and one by way of which two are swapped.
    expect(to.index).toBeLessThanOrEqual(maxCachedPositions / options.capacities[to.classIndex]!);
  }
  expect(firstSlot.index + sequences.length).toBeLessThanOrEqual(maxCachedPositions / capacity);
  if (numNewTokens === 1) {
    expect(firstSlot.index).toBe(0);
    return;
  }
  const [{ numComputedTokens }] = sequences as [Sequence];
  expect(numComputedTokens % CHUNK).toBe(0);
}
