/** What a scrape of `/metrics` told, buckets left out. */
export interface ScrapedMetrics {
  /** Counters, each the sum of its series. */
  readonly counters: ReadonlyMap<string, number>;
  /** Gauges, by series: name and labels as they were exposed. */
  readonly gauges: ReadonlyMap<string, number>;
}

/** What changed between two scrapes. */
export interface MetricsChange {
  /** By how much counters rose; those that did not rise are left out. */
  readonly increases: Readonly<Record<string, number>>;
  /** Gauges before and after, of those that are there after. */
  readonly gauges: Readonly<Record<string, { readonly before: number | undefined; readonly after: number }>>;
}

/**
 * Reads `/metrics`.
 *
 * @throws Error where it is not to be had.
 */
export async function scrapeMetrics(url: string, apiKey: string | undefined): Promise<ScrapedMetrics> {
  const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(10_000) }).catch((error) => {
    throw new Error(`Nothing answers at ${url} (${error.cause?.code ?? error.message})`);
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return parseMetrics(text);
}

/** Reads Prometheus' text format, as far as a load needs it. */
export function parseMetrics(text: string): ScrapedMetrics {
  const types = new Map<string, string>();
  const counters = new Map<string, number>();
  const gauges = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, family = '', type = ''] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (family !== '') types.set(family, type);
    const [, series = '', name = '', value = ''] = /^(([a-zA-Z_:][\w:]*)(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
    if (types.get(name) === 'counter') counters.set(name, (counters.get(name) ?? 0) + Number(value));
    if (types.get(name) === 'gauge') gauges.set(series, Number(value));
  }
  return { counters, gauges };
}

/** Compares two scrapes. */
export function compareMetrics(before: ScrapedMetrics, after: ScrapedMetrics): MetricsChange {
  const increases = [...after.counters]
    .map(([name, value]) => [name, value - (before.counters.get(name) ?? 0)] as const)
    .filter(([, increase]) => increase > 0);
  const gauges = [...after.gauges].map(
    ([series, value]) => [series, { before: before.gauges.get(series), after: value }] as const,
  );
  return { increases: Object.fromEntries(increases), gauges: Object.fromEntries(gauges) };
}
