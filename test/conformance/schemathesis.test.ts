import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Linnet, startLinnet } from '../support/linnet.js';
import { hasPythonPackages, PYTHON, runInShell } from '../support/shell.js';

const isThere = hasPythonPackages('schemathesis');

const OPTIONS = [
  // What is acceptable by its schema may ask for a model that there is not, or for more than a model's context holds.
  '--checks all --exclude-checks positive_data_acceptance',
  '--max-examples 60 --max-time 60 --seed 1 --suppress-health-check all',
  '--request-timeout 20 --no-color',
].join(' ');

describe('Schemathesis', () => {
  let linnet: Linnet;
  beforeAll(async () => {
    linnet = await startLinnet();
    await linnet.engine.load();
  });
  afterAll(() => linnet.close());

  it.skipIf(!isThere)(
    `finds no failure, and no answer outside /openapi.json${isThere ? '' : ' (skipped: no Python with the package schemathesis)'}`,
    { timeout: 180_000 },
    async () => {
      const run = `"${PYTHON}" -m schemathesis.cli run ${linnet.gateway.url}/openapi.json ${OPTIONS}`;
      const { code, stdout, stderr } = await runInShell(run);
      expect(code, stdout + stderr).toBe(0);
      expect(linnet.gateway.log.filter(({ status }) => Number(status) >= 500)).toEqual([]);
      expect(linnet.gateway.log.length).toBeGreaterThan(200);
    },
  );
});
