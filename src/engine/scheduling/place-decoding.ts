import { type ClassDemand, planClasses, type RoundCosts, roundCost } from '../kv-cache/class-plan.js';
import type { SlotTable } from '../kv-cache/slot-table.js';
import type { Sequence } from './sequence.js';

/** A move's gain must pay for its copies within so many rounds. */
const PAYBACK_ROUNDS = 8;
/** What copying a position costs, in positions that a step reads. */
const COPY_COST = 8;
/** The most positions that are copied in one round because it pays: everybody waits for it. The rest is for the next. */
const MAX_COPIED_POSITIONS = 512;
/** A sequence that fills its slot gets one so many times as long, so that all its moves copy few times what it has. */
const GROWTH = 1.5;

/** What placing depends on. */
export interface PlacingLimits extends RoundCosts {
  /** The KV cache's budget in positions: a class has slots for no more. */
  readonly maxCachedPositions: number;
  /** The most sequences that may come into a class before the next round. */
  readonly maxArriving: number;
}

/** The sequences that the plan sends from one class to another. */
interface Flow {
  readonly target: number;
  /** Which of those that decode. */
  readonly members: number[];
  numCopied: number;
}

/**
 * Moves the decoding sequences to the classes in which a round is cheapest, class by class as far as it pays; those that
 * fill their slot move in any case. A sequence in a larger class than it needs takes more than was reserved for it, so
 * all must fit.
 */
export function placeDecoding(slots: SlotTable<Sequence>, limits: PlacingLimits): void {
  const { classes } = slots;
  const decoding = classes.flatMap(({ occupants, numDecoding }) => occupants.slice(0, numDecoding));
  const round = new Round(slots, decoding, limits);
  const { needed, planned } = round;
  const current = decoding.map((sequence) => sequence.slot!.classIndex);
  const isFull = decoding.map((sequence, i) => sequence.numComputedTokens >= classes[current[i]!]!.capacity);
  const staying = (full: readonly number[]) => current.map((index, i) => (isFull[i] ? full[i]! : index));
  const start = [staying(planned), staying(needed)].find((choice) => round.fits(choice));
  const chosen = start === undefined ? needed : approach(round, start, decoding);
  for (const [i, sequence] of decoding.entries()) slots.relocate(sequence, chosen[i]!);
}

/** Goes from where all are towards the plan: first the flow that gains most for what it copies. */
function approach(round: Round, start: readonly number[], decoding: readonly Sequence[]): readonly number[] {
  let choice = start;
  for (let room = MAX_COPIED_POSITIONS; ; ) {
    const cost = round.cost(choice);
    const gainOf = (flow: Flow) => cost - round.cost(sent(choice, flow));
    const paying = flowsOf(choice, round.planned, decoding)
      .map((flow) => ({ flow, gain: gainOf(flow) }))
      .filter(({ flow, gain }) => gain * PAYBACK_ROUNDS > COPY_COST * flow.numCopied)
      .filter(({ flow }) => round.fits(sent(choice, flow)))
      .sort((a, b) => b.gain / b.flow.numCopied - a.gain / a.flow.numCopied);
    const best = paying[0]?.flow;
    if (best === undefined) return choice;
    const part = atMost(room, best, decoding);
    choice = sent(choice, part);
    room -= part.numCopied;
    if (part.members.length < best.members.length) return choice;
  }
}

function flowsOf(
  choice: readonly number[],
  planned: readonly number[],
  decoding: readonly Sequence[],
): Flow[] {
  const flows = new Map<string, Flow>();
  for (const [i, target] of planned.entries()) {
    if (choice[i] === target) continue;
    const key = `${choice[i]}>${target}`;
    const flow = flows.get(key) ?? { target, members: [], numCopied: 0 };
    flow.members.push(i);
    flow.numCopied += decoding[i]!.numComputedTokens;
    flows.set(key, flow);
  }
  return [...flows.values()];
}

function sent(choice: readonly number[], { target, members }: Flow): number[] {
  const after = [...choice];
  for (const i of members) after[i] = target;
  return after;
}

/** As many of a flow's sequences as copy no more than `room` positions, but one at least where nothing was copied yet. */
function atMost(room: number, { target, members }: Flow, decoding: readonly Sequence[]): Flow {
  const part: Flow = { target, members: [], numCopied: 0 };
  for (const i of members) {
    const { numComputedTokens } = decoding[i]!;
    const isFirst = room === MAX_COPIED_POSITIONS && part.members.length === 0;
    if (!isFirst && part.numCopied + numComputedTokens > room) break;
    part.members.push(i);
    part.numCopied += numComputedTokens;
  }
  return part;
}

/** What a round costs that runs the decoding sequences in the classes chosen for them, and which choice is best. */
class Round {
  /** For each sequence the smallest class that holds it. */
  readonly needed: readonly number[];
  /** For each sequence the class in which the cheapest round has it. */
  readonly planned: readonly number[];
  readonly #capacities: readonly number[];
  readonly #limits: PlacingLimits;

  constructor(slots: SlotTable<Sequence>, decoding: readonly Sequence[], limits: PlacingLimits) {
    this.#capacities = slots.classes.map(({ capacity }) => capacity);
    this.#limits = limits;
    this.needed = decoding.map(({ slot, numComputedTokens, maxCachedTokens }) => {
      const isFull = numComputedTokens >= this.#capacities[slot!.classIndex]!;
      const room = isFull ? Math.min(Math.ceil(GROWTH * numComputedTokens), maxCachedTokens) : 0;
      return slots.classIndexFor(Math.max(numComputedTokens + 1, room));
    });
    const targets = planClasses(this.#demandOf(this.needed), limits);
    this.planned = this.needed.map((classIndex) => targets[classIndex]!);
  }

  cost(choice: readonly number[]): number {
    return roundCost(this.#demandOf(choice), this.#limits);
  }

  /** Whether there is room for the guests of each class, and for all who may come into it before the next round. */
  fits(choice: readonly number[]): boolean {
    const { maxArriving, maxCachedPositions } = this.#limits;
    return this.#demandOf(choice).every(({ capacity, numSequences }, index) => {
      const hasGuests = choice.some((classIndex, i) => classIndex === index && classIndex !== this.needed[i]);
      return !hasGuests || (numSequences + maxArriving) * capacity <= maxCachedPositions;
    });
  }

  #demandOf(choice: readonly number[]): ClassDemand[] {
    const demand = this.#capacities.map((capacity) => ({ capacity, numSequences: 0 }));
    for (const classIndex of choice) demand[classIndex]!.numSequences++;
    return demand;
  }
}
