/**
 * The time on a clock that all threads share: milliseconds since the Unix epoch, with fractions. Unlike `Date.now`, it
 * never goes back while a thread lives.
 */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
