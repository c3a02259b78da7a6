// Draws what `npm run bench:peers -- --json FILE` measured: `node bench/chart.mjs FILE [--svg FILE] [--markdown FILE]`.
// Without options it prints the Markdown table.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { renderChart } from './support/chart-svg.mjs';
import { renderMarkdown } from './support/markdown-table.mjs';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { svg: { type: 'string' }, markdown: { type: 'string' } },
});

if (positionals.length === 1) draw(JSON.parse(readFileSync(positionals[0], 'utf8')));
else console.error('Usage: node bench/chart.mjs FILE [--svg FILE] [--markdown FILE]');

function draw(rows) {
  if (values.svg !== undefined) writeFileSync(values.svg, renderChart(rows));
  if (values.markdown !== undefined) writeFileSync(values.markdown, renderMarkdown(rows));
  if (values.svg === undefined && values.markdown === undefined) process.stdout.write(renderMarkdown(rows));
}
