/**
 * Measures several things in turn, round by round, so that what disturbs the machine disturbs all of them alike. Each
 * is run once before, uncounted, unless `warmUp` is false. Every other round goes backwards. After the first, a round
 * begins only if `mayBegin` says so.
 *
 * @param measures functions that return one sample each
 * @returns for each of them its samples; those of one index belong to one round
 */
export async function interleave(measures, { rounds, mayBegin, warmUp = true }) {
  if (warmUp) for (const measure of measures) await measure();
  const samples = measures.map(() => []);
  for (let round = 0; round < rounds; round++) {
    if (round > 0 && !mayBegin()) break;
    const order = [...measures.keys()];
    if (round % 2 === 1) order.reverse();
    for (const index of order) samples[index].push(await measures[index]());
  }
  return samples;
}
