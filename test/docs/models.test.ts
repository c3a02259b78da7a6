import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { obstacleTo, readExamples } from '../support/examples.js';
import { fixtureCheckpoint } from '../support/fixtures.js';
import { HubServer } from '../support/hub-server.js';
import { type LinnetAddresses, type LinnetProcess, ROOT, serve } from '../support/linnet-process.js';
import { runInShell } from '../support/shell.js';

const examples = readExamples('docs/models.md');
const CHECKPOINT = fixtureCheckpoint('real-vocab');

// A Hub that has a small model under the published names, and a folder with one of the reader's own.
const hub = new HubServer();
const folder = mkdtempSync(join(tmpdir(), 'linnet-guide-'));
const environment: Record<string, string> = { HF_HOME: join(folder, 'hf'), HF_TOKEN: '' };
let service: { linnet: LinnetProcess; addresses: LinnetAddresses } | undefined;

beforeAll(async () => {
  await hub.start();
  const files = ['config.json', 'model.safetensors'].map((name) => [
    name,
    readFileSync(join(CHECKPOINT, name)),
  ]);
  for (const id of ['openai-community/gpt2', 'distilbert/distilgpt2']) hub.add(id, Object.fromEntries(files));
  cpSync(CHECKPOINT, join(folder, 'my-checkpoint'), { recursive: true });
  mkdirSync(join(folder, 'bin'));
  const command = join(folder, 'bin/linnet');
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${ROOT}dist/cli/main.js" "$@"\n`);
  chmodSync(command, 0o755);
  environment['PATH'] = `${join(folder, 'bin')}:${process.env['PATH']}`;
  environment['HF_ENDPOINT'] = hub.endpoint;
});
afterAll(async () => {
  await endService();
  await hub.close();
  rmSync(folder, { recursive: true });
});

async function endService(): Promise<void> {
  service?.linnet.kill('SIGTERM');
  await service?.linnet.end();
  service = undefined;
}

/** Ends the service before and starts the one of the command line, on other ports. */
async function startService(code: string): Promise<void> {
  await endService();
  const [, args = ''] = /^linnet serve (.+)\n$/.exec(code) ?? [];
  service = await serve([...args.split(' '), '--log-level', 'warn'], { environment, directory: folder });
}

function runHere(code: string) {
  const { http, grpc } = service?.addresses ?? { http: '', grpc: '' };
  const variables = { ...environment, LINNET_ENGINE_ADDRESS: grpc };
  const exports = Object.entries(variables).map(([name, value]) => `export ${name}="${value}"`);
  const lines = [...exports, 'set -e', code.replaceAll('http://localhost:8000', http)];
  return runInShell(lines.join('\n'), '', folder);
}

describe('docs/models.md', () => {
  it('starts services and asks them', () => {
    const kinds = examples.map(({ remark }) => remark);
    expect(kinds.filter((kind) => kind === 'serve')).toHaveLength(3);
    expect(new Set(kinds)).toEqual(new Set(['run', 'serve']));
  });

  describe('has commands that work as they stand, from top to bottom', () => {
    for (const example of examples) {
      const reason = obstacleTo(example);
      const skipped = reason === undefined ? '' : ` (skipped: ${reason})`;
      it.skipIf(reason !== undefined)(`${example.title}${skipped}`, async () => {
        if (example.remark === 'serve') return startService(example.code);
        const { code, stdout, stderr } = await runHere(example.code);
        expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
        expect(stdout.trim()).not.toBe('');
        expect(stdout).not.toContain('"error"');
      });
    }
  });

  it('has the models that need no owner', () => {
    const text = readFileSync(join(ROOT, 'docs/models.md'), 'utf8');
    for (const name of ['fable', 'distilgpt2', 'gpt2', 'gpt2-medium', 'gpt2-large', 'gpt2-xl'])
      expect(text).toContain(`\n| \`${name}\` |`);
  });
});
