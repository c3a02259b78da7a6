import { planClasses, roundCost } from '../kv-cache/class-plan.js';
import type { SlotTable } from '../kv-cache/slot-table.js';
import type { Sequence } from './sequence.js';

/** A round's gain must pay for the copies that it asks for within so many rounds. */
const PAYBACK_ROUNDS = 8;
/** What copying a position costs, in positions that a step reads. */
const COPY_COST = 4;
/** The most positions that are copied in one round because it pays: everybody waits for it. */
const MAX_COPIED_POSITIONS = 1024;
/** A sequence that fills its slot gets one so many times as long, so that all its moves copy few times what it has. */
const GROWTH = 1.5;

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
  const current = decoding.map((sequence) => sequence.slot!.classIndex);
  const isFull = decoding.map(
    ({ numComputedTokens }, i) => numComputedTokens >= classes[current[i]!]!.capacity,
  );
  const needed = decoding.map(({ numComputedTokens, maxCachedTokens }, i) => {
    const room = isFull[i] ? Math.min(Math.ceil(GROWTH * numComputedTokens), maxCachedTokens) : 0;
    return slots.classIndexFor(Math.max(numComputedTokens + 1, room));
  });
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
  const kept = needed.map((classIndex, i) => (isFull[i] ? classIndex : current[i]!));
  const numCopied = planned.reduce(
    (sum, classIndex, i) => sum + (classIndex === kept[i] ? 0 : decoding[i]!.numComputedTokens),
    0,
  );
  const gain = roundCost(demandOf(kept), batchCost) - roundCost(demandOf(planned), batchCost);
  const pays = numCopied <= MAX_COPIED_POSITIONS && gain * PAYBACK_ROUNDS > COPY_COST * numCopied;
  const choices = pays ? [planned, kept] : [kept];
  const chosen = choices.find(fits) ?? needed;
  for (const [i, sequence] of decoding.entries()) slots.relocate(sequence, chosen[i]!);
}
