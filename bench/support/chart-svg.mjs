import { measuredWorkloads, PRECISIONS, SYSTEMS, TITLES, throughputOf } from './comparison.mjs';
import { format } from './table.mjs';

const WIDTH = 760;
const LABEL_WIDTH = 150;
const VALUE_WIDTH = 60;
const BAR = 13;
const BAR_STEP = 16;
const PRECISION_GAP = 8;
const PANEL_GAP = 26;

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; font-size: 13px; }
  .muted { fill: #59636e; }
  .linnet { fill: #0969da; }
  .node-llama-cpp { fill: #8c959f; }
  .transformers-js { fill: #c4cad1; }
  .spread { stroke: #1f2328; stroke-opacity: 0.55; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .muted { fill: #9198a1; }
    .linnet { fill: #4493f8; }
    .node-llama-cpp { fill: #768390; }
    .transformers-js { fill: #444c56; }
    .spread { stroke: #e6edf3; }
  }`;

/**
 * Draws the throughputs as bars, a panel for each workload, with its own scale from 0; longer is better. A line through
 * the end of a bar goes from the first to the third quartile.
 */
export function renderChart(rows) {
  const parts = [legend(16)];
  let y = 44;
  for (const workload of measuredWorkloads(rows)) {
    const panel = drawPanel(rows, workload, y);
    parts.push(panel.svg);
    y = panel.end + PANEL_GAP;
  }
  const machine = escapeXml(rows[0]?.machine ?? '');
  parts.push(`<text class="muted" x="0" y="${y}">${machine}</text>`);
  const height = y + 10;
  const label = 'Tokens a second of Linnet, node-llama-cpp and transformers.js; longer is better';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${label}">`,
    `<style>${STYLE}\n</style>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function legend(y) {
  const items = SYSTEMS.map((system, index) => {
    const x = LABEL_WIDTH + index * 150;
    return (
      `<rect class="${className(system)}" x="${x}" y="${y - 10}" width="12" height="12" rx="2"/>` +
      `<text x="${x + 18}" y="${y}">${nameOf(system)}</text>`
    );
  });
  return [`<text class="muted" x="0" y="${y}">tokens a second</text>`, ...items].join('\n');
}

function drawPanel(rows, workload, top) {
  const parts = [`<text class="title" x="0" y="${top}">${TITLES[workload]}</text>`];
  const found = rows.filter((row) => row.workload === workload && row.metric === 'throughput');
  const most = Math.max(...found.map((row) => Math.max(row.value, row.quartiles?.[1] ?? 0)));
  const toWidth = (value) => (value / most) * (WIDTH - LABEL_WIDTH - VALUE_WIDTH);
  let y = top + 10;
  for (const precision of PRECISIONS) {
    const bars = SYSTEMS.map((system) => throughputOf(rows, { workload, system, precision })).filter(Boolean);
    if (bars.length === 0) continue;
    const middle = y + (bars.length * BAR_STEP) / 2 + 3;
    parts.push(
      `<text class="muted" x="${LABEL_WIDTH - 12}" y="${middle}" text-anchor="end">${precision}</text>`,
    );
    for (const row of bars) {
      parts.push(drawBar(row, y, toWidth));
      y += BAR_STEP;
    }
    y += PRECISION_GAP;
  }
  return { svg: parts.join('\n'), end: y };
}

function drawBar({ system, value, quartiles, rounds }, y, toWidth) {
  const middle = y + BAR / 2;
  const [low, high] = rounds > 1 ? quartiles.map(toWidth) : [0, 0];
  const end = Math.max(toWidth(value), high);
  const spread =
    high > low ? `<line class="spread" x1="${at(low)}" x2="${at(high)}" y1="${middle}" y2="${middle}"/>` : '';
  return (
    `<rect class="${className(system)}" x="${LABEL_WIDTH}" y="${y}" width="${toWidth(value).toFixed(1)}" height="${BAR}" rx="2"/>` +
    `${spread}<text x="${at(end + 6)}" y="${y + 11}">${format(value)}</text>`
  );
}

function at(x) {
  return (LABEL_WIDTH + x).toFixed(1);
}

function className(system) {
  return system.replace('.', '-');
}

function nameOf(system) {
  return system === 'linnet' ? 'Linnet' : system;
}

function escapeXml(text) {
  return text.replace(/[&<>"]/g, (character) => `&#${character.codePointAt(0)};`);
}
