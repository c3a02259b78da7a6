import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Linnet, startLinnet } from '../support/linnet.js';
import { hasPythonPackages, PYTHON, runInShell } from '../support/shell.js';

const isThere = hasPythonPackages('schemathesis');

const CONFIG = 'test/conformance/python/schemathesis.toml';

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
      const schemathesis = `"${PYTHON}" -m schemathesis.cli --config-file ${CONFIG}`;
      const run = `${schemathesis} run ${linnet.gateway.url}/openapi.json --no-color`;
      const { code, stdout, stderr } = await runInShell(run);
      expect(code, stdout + stderr).toBe(0);
      const { log } = linnet.gateway;
      expect(log.filter(({ status }) => status === 200).length).toBeGreaterThan(200);
      const failures = log.filter(({ status }) => Number(status) >= 500);
      expect(failures.filter(({ error }) => error !== 'deadline_exceeded')).toEqual([]);
    },
  );
});
