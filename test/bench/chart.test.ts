import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const CHART = fileURLToPath(new URL('../../bench/chart.mjs', import.meta.url));

function row(system: string, precision: string, value: number) {
  const machine = '2 cores, A & B <C>';
  const quartiles = [value * 0.9, value * 1.1];
  return {
    workload: 'decode',
    system,
    precision,
    metric: 'throughput',
    value,
    quartiles,
    rounds: 3,
    machine,
  };
}

describe('bench/chart.mjs', () => {
  let folder: string;
  let figures: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'linnet-chart-test-'));
    figures = join(folder, 'rows.json');
    const rows = [
      row('linnet', 'f32', 55),
      row('node-llama-cpp', 'f32', 50),
      row('transformers.js', 'f32', 25),
      row('linnet', 'q4', 280),
      row('node-llama-cpp', 'q4', 1234),
    ];
    writeFileSync(figures, JSON.stringify(rows));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('writes a table with the best of each row in bold, and a dash for what was not measured', () => {
    const table = execFileSync(process.execPath, [CHART, figures], { encoding: 'utf8' });
    expect(table).toContain('| One stream | f32 | **55.0** | 50.0 | 25.0 |');
    expect(table).toContain('| One stream | q4 | 280 | **1,234** | – |');
  });

  it('draws bars in proportion to the figures, with the text escaped', () => {
    const svg = join(folder, 'chart.svg');
    execFileSync(process.execPath, [CHART, figures, '--svg', svg]);
    const drawn = readFileSync(svg, 'utf8');
    const bars = [...drawn.matchAll(/<rect class="([\w-]+)" x="150".*?width="([\d.]+)" height="13"/g)];
    expect(bars.map(([, system]) => system)).toEqual([
      ...['linnet', 'node-llama-cpp', 'transformers-js'],
      ...['linnet', 'node-llama-cpp'],
    ]);
    const [linnet, llama, transformers] = bars.map(([, , width]) => Number(width));
    expect(linnet! / llama!).toBeCloseTo(55 / 50, 1);
    expect(linnet! / transformers!).toBeCloseTo(55 / 25, 1);
    expect(drawn).toContain('A &#38; B &#60;C&#62;');
  });
});
