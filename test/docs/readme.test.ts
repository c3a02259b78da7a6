import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveSettings } from '../../src/cli/settings/resolve-settings.js';
import { formatSetting, SETTING_KEYS, SETTINGS } from '../../src/cli/settings/settings.js';
import { obstacleTo, readExamples, runExample } from '../support/examples.js';
import { type LinnetAddresses, type LinnetProcess, ROOT, serve } from '../support/linnet-process.js';

const CONFIGURATION = readFileSync(join(ROOT, 'docs/configuration.md'), 'utf8');
const GUIDES = ['quick-start', 'http', 'terminal', 'tuning'].map((name) => `docs/${name}.md`);
const examples = ['README.md', ...GUIDES].flatMap(readExamples).filter(({ remark }) => remark === 'run');

describe('The documents', () => {
  let linnet: LinnetProcess;
  let addresses: LinnetAddresses;

  beforeAll(async () => {
    ({ linnet, addresses } = await serve(['--log-level', 'warn']));
  });
  afterAll(async () => {
    linnet.kill('SIGTERM');
    expect(await linnet.end()).toBe(0);
  });

  it('have examples in all their languages', () => {
    expect(new Set(examples.map(({ language }) => language))).toEqual(new Set(['sh', 'js', 'python']));
    expect(examples.length).toBeGreaterThanOrEqual(8);
  });

  describe('have examples that work as they stand', () => {
    for (const example of examples) {
      const reason = obstacleTo(example);
      it.skipIf(reason !== undefined)(
        `${example.title}${reason === undefined ? '' : ` (skipped: ${reason})`}`,
        async () => {
          const { code, stdout, stderr } = await runExample(example, addresses);
          expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
          expect(stdout.trim()).not.toBe('');
          expect(stdout).not.toContain('"error"');
        },
      );
    }
  });

  it('list every setting with its flag, its variable and its default', () => {
    // The formatter pads the cells of a table.
    const text = CONFIGURATION.replace(/ +/g, ' ');
    const { settings } = resolveSettings({ flags: {}, environment: {}, file: undefined });
    for (const key of SETTING_KEYS) {
      const { name, flag, variable, description } = SETTINGS[key];
      const cells = [name, flag.split(' ')[0], variable, formatSetting(key, settings)].map(
        (cell) => `\`${cell}\``,
      );
      expect(text).toContain(`| ${cells.join(' | ')} | ${description} |`);
    }
  });
});
