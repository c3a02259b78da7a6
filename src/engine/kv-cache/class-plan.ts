/** How many sequences decode that need at least a class's capacity and fit no smaller one. */
export interface ClassDemand {
  /** Positions per slot. */
  readonly capacity: number;
  readonly numSequences: number;
}

/**
 * Says in which class the sequences of each class are best run. A step runs one batch per class that holds somebody:
 * every batch reads the weights again, and every row of it reads all positions of its slot, masked ones too. So a few
 * short sequences are cheaper beside the long ones, and many are cheaper apart.
 *
 * @param demand ascending by capacity
 * @param batchCost what reading the weights costs, in positions of one row
 * @returns for each class the index of the class to run in, its own or a larger one
 */
export function planClasses(demand: readonly ClassDemand[], batchCost: number): number[] {
  const used = demand.flatMap(({ numSequences }, index) => (numSequences > 0 ? [index] : []));
  // best[i]: the least cost of the first i used classes, and where the last group of them starts.
  const best: { cost: number; start: number }[] = [{ cost: 0, start: 0 }];
  for (let end = 1; end <= used.length; end++) {
    const { capacity } = demand[used[end - 1]!]!;
    let choice = { cost: Number.POSITIVE_INFINITY, start: 0 };
    for (let start = end - 1, rows = 0; start >= 0; start--) {
      rows += demand[used[start]!]!.numSequences;
      const cost = best[start]!.cost + batchCost + rows * capacity;
      if (cost < choice.cost) choice = { cost, start };
    }
    best.push(choice);
  }
  const targets = demand.map((_, index) => index);
  for (let end = used.length; end > 0; end = best[end]!.start) {
    for (let i = best[end]!.start; i < end; i++) targets[used[i]!] = used[end - 1]!;
  }
  return targets;
}

/** What a round costs that runs one batch per class that holds somebody, in positions of one row. */
export function roundCost(demand: readonly ClassDemand[], batchCost: number): number {
  return demand.reduce(
    (sum, { capacity, numSequences }) => sum + (numSequences > 0 ? batchCost + numSequences * capacity : 0),
    0,
  );
}
