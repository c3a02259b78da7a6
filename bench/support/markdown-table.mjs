import { measuredWorkloads, PRECISIONS, SYSTEMS, TITLES, throughputOf } from './comparison.mjs';
import { format } from './table.mjs';

/** Writes the throughputs as a Markdown table, the best of each row in bold, with the machine below. */
export function renderMarkdown(rows) {
  const lines = [
    ['Tokens a second', 'Weights', ...SYSTEMS.map((system) => (system === 'linnet' ? 'Linnet' : system))],
    ['---', '---', ...SYSTEMS.map(() => '---:')],
  ];
  for (const workload of measuredWorkloads(rows)) {
    for (const precision of PRECISIONS) {
      const found = SYSTEMS.map((system) => throughputOf(rows, { workload, system, precision })?.value);
      if (found.every((value) => value === undefined)) continue;
      const best = Math.max(...found.filter((value) => value !== undefined));
      lines.push([TITLES[workload], precision, ...found.map((value) => cell(value, best))]);
    }
  }
  const table = lines.map((line) => `| ${line.join(' | ')} |`).join('\n');
  return `${table}\n\n${rows[0]?.machine ?? ''}\n`;
}

function cell(value, best) {
  if (value === undefined) return '–';
  return value === best ? `**${format(value)}**` : format(value);
}
