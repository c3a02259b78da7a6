const BYTES_PER_UNIT = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
} as const;

const MS_PER_UNIT = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/**
 * Reads an amount of memory such as `1GiB`, `512 MiB` or `1.5GB`; KiB, MiB and GiB are powers of 1024, KB, MB and GB of
 * 1000, and a number alone is bytes.
 *
 * @returns whole bytes, or undefined where the text is no amount of memory.
 */
export function parseByteSize(text: string): number | undefined {
  return parseQuantity(text, BYTES_PER_UNIT, 'b');
}

/** Writes an amount of memory in the largest binary unit that leaves it whole: 1073741824 is `1GiB`. */
export function formatByteSize(bytes: number): string {
  for (const [unit, size] of [
    ['GiB', 2 ** 30] as const,
    ['MiB', 2 ** 20] as const,
    ['KiB', 2 ** 10] as const,
  ]) {
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}

/**
 * Reads a time such as `30s`, `1.5m` or `250ms`; a number alone is seconds.
 *
 * @returns whole milliseconds, or undefined where the text is no time.
 */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, MS_PER_UNIT, 's');
}

/** Writes a time in the largest unit that leaves it whole: 30000 is `30s`. */
export function formatDuration(ms: number): string {
  for (const [unit, size] of [['h', 3_600_000] as const, ['m', 60_000] as const, ['s', 1000] as const]) {
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

function parseQuantity(
  text: string,
  units: Readonly<Record<string, number>>,
  bareUnit: string,
): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  if (match === null) return undefined;
  const factor = units[match[2]?.toLowerCase() || bareUnit];
  if (factor === undefined) return undefined;
  const amount = Math.round(Number(match[1]) * factor);
  return Number.isSafeInteger(amount) ? amount : undefined;
}
