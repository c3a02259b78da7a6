/**
 * Joins what several processes expose in Prometheus' text format. A family that more than one has, such as those of the
 * process itself, is described once, with the samples of all; their labels must tell them apart.
 */
export function joinExpositions(texts: readonly string[]): string {
  const families = new Map<string, string[]>();
  for (const text of texts) {
    for (const family of text.split(/^(?=# HELP )/m)) {
      const [help = '', type = '', ...samples] = family.trim().split('\n');
      const name = help.split(' ')[2];
      if (name === undefined) continue;
      const lines = families.get(name) ?? [help, type];
      lines.push(...samples.filter((line) => line !== ''));
      families.set(name, lines);
    }
  }
  return `${[...families.values()].map((lines) => lines.join('\n')).join('\n\n')}\n`;
}
