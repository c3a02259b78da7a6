import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fixtureCheckpoint } from '../support/fixtures.js';

interface Row {
  readonly workload: string;
  readonly system: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly quartiles: readonly number[];
  readonly machine: string;
}

const RUN = fileURLToPath(new URL('../../bench/run.mjs', import.meta.url));
// 256 positions and two narrow layers: what is checked is that everything runs and is reported, never how fast it is.
const TINY = ['--model', fixtureCheckpoint('real-vocab'), '--precision', 'f32', '--scale', '0.03'];
const BRIEFLY = ['--rounds', '1', '--seconds', '1'];

describe('npm run bench', () => {
  let folder: string;
  let output: string;
  let rows: Row[];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'linnet-bench-test-'));
    const json = join(folder, 'new', 'rows.json');
    output = execFileSync(process.execPath, [RUN, ...TINY, ...BRIEFLY, '--json', json], { encoding: 'utf8' });
    rows = JSON.parse(readFileSync(json, 'utf8'));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('runs every workload and reports finite numbers with their units and spread', () => {
    const help = execFileSync(process.execPath, [RUN, '--help'], { encoding: 'utf8' });
    const workloads = /^Workloads: (.+)\. Default/m.exec(help)?.[1]?.split(', ');
    expect(new Set(rows.map(({ workload }) => workload))).toEqual(new Set(workloads));
    for (const { value, unit, quartiles, machine } of rows) {
      expect(value).toBeGreaterThan(0);
      expect(unit).toMatch(/^((tokens|messages|events)\/s( of CPU)?|µs|ms|MiB|GB\/s|x)$/);
      expect(quartiles.map(Number.isFinite)).toEqual([true, true]);
      expect(machine).toMatch(/cores.*Node.*ONNX Runtime/);
    }
  });

  it('measures the engine by itself, through gRPC and through the gateway', () => {
    const systems = rows.filter(({ workload }) => workload === 'sse').map(({ system }) => system);
    expect(new Set(systems)).toEqual(new Set(['engine', 'grpc', 'gateway']));
  });

  it('prints the ratios that have a goal beside it', () => {
    expect(output).toMatch(/kv-cache .*cached \/ recomputed .* at least 8: (reached|MISSED)/);
    expect(output).toMatch(/messages .*service \/ generated, messages\/s .* at least 0.8: (reached|MISSED)/);
    expect(output).toMatch(/sse .*gateway \/ engine .* at least 0.95: (reached|MISSED)/);
  });

  it('refuses a workload that it does not know', () => {
    const { status, stderr } = spawnSync(process.execPath, [RUN, 'decoed'], { encoding: 'utf8' });
    expect(status).toBe(2);
    expect(stderr).toContain('There is no workload "decoed"; there are decode, streams,');
  });
});
