/** How many tokens two texts begin with that are the same, of the first `max` of each. */
export function numSharedTokens(a: Int32Array, b: Int32Array, max: number): number {
  let count = 0;
  while (count < max && a[count] === b[count]) count++;
  return count;
}
