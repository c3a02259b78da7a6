/** How many sequences decode that need at least a class's capacity and fit no smaller one. */
export interface ClassDemand {
  /** Positions per slot. */
  readonly capacity: number;
  readonly numSequences: number;
}

/** What a round costs beside what its rows read, in positions of one row. */
export interface RoundCosts {
  /** A step: reading the weights. */
  readonly stepCost: number;
  /** One more batch in a step. */
  readonly batchCost: number;
  /** The most batches that a step has. */
  readonly maxBatches: number;
}

/**
 * Says in which class the sequences of each class are best run. A round runs a batch for each class that holds somebody,
 * several in one step, and every row reads all positions of its slot, masked ones too. So a few short sequences are
 * cheaper beside the long ones, and many are cheaper apart.
 *
 * @param demand ascending by capacity
 * @returns for each class the index of the class to run in, its own or a larger one
 */
export function planClasses(demand: readonly ClassDemand[], costs: RoundCosts): number[] {
  const used = demand.flatMap((each, index) => (each.numSequences > 0 ? [{ ...each, index }] : []));
  const targets = demand.map((_, index) => index);
  let end = used.length;
  const rows = cheapestCuts(used);
  const totals = rows.map((row, numBatches) => row[end]!.read + overheadOf(numBatches, costs));
  for (let numBatches = totals.indexOf(Math.min(...totals)); numBatches > 0; numBatches--) {
    const { start } = rows[numBatches]![end]!;
    for (const { index } of used.slice(start, end)) targets[index] = used[end - 1]!.index;
    end = start;
  }
  return targets;
}

/** What a round costs that runs one batch per class that holds somebody, in positions of one row. */
export function roundCost(demand: readonly ClassDemand[], costs: RoundCosts): number {
  const used = demand.filter(({ numSequences }) => numSequences > 0);
  const read = used.reduce((sum, { capacity, numSequences }) => sum + numSequences * capacity, 0);
  return read + overheadOf(used.length, costs);
}

function overheadOf(numBatches: number, { stepCost, batchCost, maxBatches }: RoundCosts): number {
  return numBatches * batchCost + Math.ceil(numBatches / maxBatches) * stepCost;
}

/** The first classes in so many batches: what their rows read at least, and with which class the last batch starts. */
interface Cut {
  readonly read: number;
  readonly start: number;
}

/** The cheapest way, [n][i], to run the first i classes in n batches. */
function cheapestCuts(used: readonly ClassDemand[]): Cut[][] {
  const ends = Array.from({ length: used.length + 1 }, (_, end) => end);
  const cuts: Cut[][] = [ends.map((end) => ({ read: end === 0 ? 0 : Number.POSITIVE_INFINITY, start: 0 }))];
  while (cuts.length < ends.length) {
    const before = cuts.at(-1)!;
    cuts.push(ends.map((end) => cheapestLast(used, end, before)));
  }
  return cuts;
}

/** @param before the cuts of the classes before the last batch, by their number */
function cheapestLast(used: readonly ClassDemand[], end: number, before: readonly Cut[]): Cut {
  let best: Cut = { read: Number.POSITIVE_INFINITY, start: 0 };
  for (let start = end - 1, numSequences = 0; start >= 0; start--) {
    numSequences += used[start]!.numSequences;
    const read = before[start]!.read + numSequences * used[end - 1]!.capacity;
    if (read < best.read) best = { read, start };
  }
  return best;
}
