import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { type Linnet, startLinnet } from '../support/linnet.js';
import { hasPythonPackages, PYTHON, runInShell } from '../support/shell.js';

const isThere = hasPythonPackages('openai', 'pytest');

describe('The official OpenAI client for Python', () => {
  let checkpoint: CheckpointCopy;
  let linnet: Linnet;
  beforeAll(async () => {
    checkpoint = new CheckpointCopy().lengthen(32);
    const models = [{ id: 'long', directory: checkpoint.directory }];
    linnet = await startLinnet({ engine: { models, maxRunning: 4, maxWaiting: 1 } });
    await linnet.engine.load();
  });
  afterAll(async () => {
    await linnet.close();
    checkpoint.remove();
  });

  it.skipIf(!isThere)(
    `passes test/conformance/python${isThere ? '' : ' (skipped: no Python with the packages openai and pytest)'}`,
    async () => {
      const command = `"${PYTHON}" -m pytest -q -p no:cacheprovider test/conformance/python`;
      const { code, stdout, stderr } = await runInShell(`LINNET_TEST_URL=${linnet.gateway.url} ${command}`);
      expect(code, stdout + stderr).toBe(0);
      expect(stdout).toMatch(/^\d+ passed in/m);
    },
  );
});
