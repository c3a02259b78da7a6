/** The value below which the given share of the values lies, interpolated; NaN for none. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = Math.floor(at);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

/** The middle value. */
export function median(values) {
  return quantile(values, 0.5);
}

/** The first and the third quartile: half of the values lie between them. */
export function quartiles(values) {
  return [quantile(values, 0.25), quantile(values, 0.75)];
}
