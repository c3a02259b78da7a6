import { planClasses, roundCost } from '../kv-cache/class-plan.js';
import type { SlotTable } from '../kv-cache/slot-table.js';
import type { Sequence } from './sequence.js';

/** A round's gain must pay for the copies that it asks for within so many rounds. */
const PAYBACK_ROUNDS = 8;

/** What placing depends on. */
export interface PlacingLimits {
  /** What a batch's reading of the weights costs, in positions of one sequence. */
  readonly batchCost: number;
  /** The KV cache's budget in positions: a class has slots for no more. */
  readonly maxCachedPositions: number;
  /** The most sequences that may come into a class before the next round. */
  readonly maxArriving: number;
}

/**
 * Moves the decoding sequences to the classes in which a round is cheapest, if that pays; those that fill their slot
 * move in any case. A sequence in a larger class than it needs takes more than was reserved for it, so all must fit.
 */
export function placeDecoding(slots: SlotTable<Sequence>, limits: PlacingLimits): void {
  const { classes } = slots;
  const { batchCost } = limits;
  const decoding = classes.flatMap(({ occupants, numDecoding }) => occupants.slice(0, numDecoding));
  const needed = decoding.map((sequence) => slots.classIndexFor(sequence.numComputedTokens + 1));
  const demandOf = (choice: readonly number[]) =>
    classes.map(({ capacity }, index) => ({
      capacity,
      numSequences: choice.filter((classIndex) => classIndex === index).length,
    }));
  const fits = (choice: readonly number[]) =>
    demandOf(choice).every(({ capacity, numSequences }, index) => {
      const hasGuests = choice.some((classIndex, i) => classIndex === index && classIndex !== needed[i]);
      return !hasGuests || (numSequences + limits.maxArriving) * capacity <= limits.maxCachedPositions;
    });

  const targets = planClasses(demandOf(needed), batchCost);
  const planned = needed.map((classIndex) => targets[classIndex]!);
  const kept = needed.map((classIndex, i) => Math.max(classIndex, decoding[i]!.slot!.classIndex));
  const numCopied = decoding.reduce(
    (sum, { numComputedTokens }, i) => sum + (planned[i] === kept[i] ? 0 : 2 * numComputedTokens),
    0,
  );
  const gain = roundCost(demandOf(kept), batchCost) - roundCost(demandOf(planned), batchCost);
  const choices = gain * PAYBACK_ROUNDS > numCopied ? [planned, kept] : [kept];
  const chosen = choices.find(fits) ?? needed;
  for (const [i, sequence] of decoding.entries()) slots.relocate(sequence, chosen[i]!);
}
