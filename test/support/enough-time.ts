/**
 * Tries with more and more time, until what should come within it does: for deadlines that must pass in the middle of
 * something, which a busy machine comes to later. What never comes in time is tried until the test's own time is up.
 *
 * @param attempt is given how long it may take, in milliseconds; returns undefined where that was too short.
 */
export async function withEnoughTime<T>(
  firstMs: number,
  attempt: (ms: number) => Promise<T | undefined>,
): Promise<T> {
  for (let ms = firstMs; ; ms *= 2) {
    const result = await attempt(ms);
    if (result !== undefined) return result;
  }
}
