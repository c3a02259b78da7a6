import { expect } from 'vitest';

/** A sample of Prometheus' text format. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What a process exposes, parsed: strictly, so that what a scraper would refuse fails here. */
export class Metrics {
  readonly samples: readonly Sample[];
  /** The type of each family, by its name. */
  readonly types = new Map<string, string>();

  constructor(text: string) {
    expect(text.endsWith('\n')).toBe(true);
    const samples: Sample[] = [];
    const helped = new Set<string>();
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const help = /^# HELP ([a-zA-Z_:][\w:]*) \S/.exec(line);
      const type = /^# TYPE ([a-zA-Z_:][\w:]*) (counter|gauge|histogram|summary)$/.exec(line);
      if (help) {
        expect(helped.has(help[1]!), `${help[1]} is described twice`).toBe(false);
        helped.add(help[1]!);
      } else if (type) {
        expect(helped.has(type[1]!)).toBe(true);
        this.types.set(type[1]!, type[2]!);
      } else samples.push(parseSample(line));
    }
    for (const { name } of samples) {
      const family = name.replace(/_(bucket|sum|count)$/, '');
      expect(this.types.has(name) || this.types.has(family), `${name} has a type`).toBe(true);
    }
    const names = samples.map(({ name, labels }) => `${name}${JSON.stringify(labels)}`);
    expect(new Set(names).size).toBe(names.length);
    this.samples = samples;
  }

  /** The sum of a name's samples that have these labels; 0 where there are none. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number {
    return this.find(name, labels).reduce((sum, { value }) => sum + value, 0);
  }

  /** A name's samples that have these labels. */
  find(name: string, labels: Readonly<Record<string, string>> = {}): Sample[] {
    const entries = Object.entries(labels);
    return this.samples.filter(
      (sample) => sample.name === name && entries.every(([key, value]) => sample.labels[key] === value),
    );
  }
}

/** Scrapes a server. */
export async function scrape(url: string, headers: Record<string, string> = {}): Promise<Metrics> {
  const response = await fetch(`${url}/metrics`, { headers });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return new Metrics(await response.text());
}

function parseSample(line: string): Sample {
  const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (match === null) throw new Error(`This is no sample: ${line}`);
  const [, name = '', labels = '', value = ''] = match;
  const pairs = [...labels.matchAll(/([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/g)];
  expect(pairs.map(([pair]) => pair).join('')).toBe(labels);
  const number = value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value);
  // prom-client's way to say that there is nothing to say, which scrapers read in any case.
  if (value !== 'Nan') expect(number, line).not.toBeNaN();
  return { name, labels: Object.fromEntries(pairs.map(([, key, text]) => [key, text])), value: number };
}
