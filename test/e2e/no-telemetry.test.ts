import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../support/linnet-process.js';

it('Linnet leaves nothing of ONNX Runtime to be reported to its maker', () => {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-telemetry-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const args = [`${ROOT}dist/cli/main.js`, 'complete', 'Once upon a time', '--max-tokens', '2'];
  // Only what the process needs: ONNX Runtime is silent by itself where CI is set.
  const environment = { TMPDIR: folder, HOME: folder, XDG_CACHE_HOME: folder, LINNET_PRECISION: 'f32' };
  execFileSync(process.execPath, args, { env: environment });
  expect(readdirSync(folder)).toEqual([]);
});
