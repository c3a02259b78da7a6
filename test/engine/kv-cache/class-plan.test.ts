import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ClassDemand,
  planClasses,
  type RoundCosts,
  roundCost,
} from '../../../src/engine/kv-cache/class-plan.js';

const CAPACITIES = [64, 128, 256, 512, 1024];

function demandOf(counts: readonly number[]): ClassDemand[] {
  return CAPACITIES.map((capacity, index) => ({ capacity, numSequences: counts[index] ?? 0 }));
}

/** What a round costs after a plan. */
function costOf(counts: readonly number[], targets: readonly number[], costs: RoundCosts): number {
  const after = CAPACITIES.map(() => 0);
  for (const [index, count] of counts.entries()) after[targets[index]!]! += count;
  return roundCost(demandOf(after), costs);
}

/** Every way to send each class to itself or a larger one. */
function* allPlans(index = 0): Generator<number[]> {
  if (index === CAPACITIES.length) {
    yield [];
    return;
  }
  for (let target = index; target < CAPACITIES.length; target++) {
    for (const rest of allPlans(index + 1)) yield [target, ...rest];
  }
}

describe('planClasses', () => {
  it('finds a cheapest plan, compared with every plan there is', () => {
    const counts = fc.array(fc.nat(20), { minLength: 5, maxLength: 5 });
    const costs = fc.record({
      stepCost: fc.integer({ min: 0, max: 8000 }),
      batchCost: fc.integer({ min: 0, max: 2000 }),
      maxBatches: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(counts, costs, (numSequences, each) => {
        const targets = planClasses(demandOf(numSequences), each);
        const least = Math.min(...[...allPlans()].map((plan) => costOf(numSequences, plan, each)));
        expect(costOf(numSequences, targets, each)).toBe(least);
        for (const [index, target] of targets.entries()) expect(target).toBeGreaterThanOrEqual(index);
      }),
    );
  });

  it('keeps a lone class where it is', () => {
    expect(planClasses(demandOf([0, 3, 0, 0, 0]), { stepCost: 5000, batchCost: 9, maxBatches: 3 })).toEqual([
      0, 1, 2, 3, 4,
    ]);
  });
});
