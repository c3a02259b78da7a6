import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { LinnetProcess } from '../support/linnet-process.js';

async function bench(...args: string[]) {
  const linnet = new LinnetProcess(['bench', ...args]);
  const code = await linnet.end();
  return { code, stdout: linnet.stdout, stderr: linnet.stderr };
}

describe('linnet bench', () => {
  it('measures a workload, and writes the figures to a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'linnet-bench-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'figures.json');
    const short = ['--scale', '0.03', '--rounds', '1', '--precision', 'q8'];
    const { code, stdout } = await bench('decode', '--model', 'models/fable', ...short, '--json', file);
    expect(code).toBe(0);
    expect(stdout).toMatch(/decode\s+engine\s+q8\s+1\s+throughput\s+[\d,.]+ tokens\/s/);
    const [figure] = JSON.parse(readFileSync(file, 'utf8'));
    expect(figure).toMatchObject({ workload: 'decode', precision: 'q8', unit: 'tokens/s' });
  });

  it('names the workloads where one is unknown, and in its help', async () => {
    const unknown = await bench('juggling');
    expect(unknown.code).not.toBe(0);
    expect(unknown.stderr).toMatch(/no workload "juggling"; there are decode, streams/);
    const help = await bench('--help');
    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('Workloads: decode, streams') });
  });
});
