import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveSettings } from '../../src/cli/resolve-settings.js';
import { formatSetting, SETTING_KEYS, SETTINGS } from '../../src/cli/settings.js';
import { type LinnetAddresses, type LinnetProcess, ROOT, serve } from '../support/linnet-process.js';
import { GRPCURL, hasCommand, hasPythonPackages, PYTHON, runInShell, withGrpcurl } from '../support/shell.js';

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const HAS_OPENAI_FOR_PYTHON = hasPythonPackages('openai');

/** A fenced block that says that it can be run. */
interface Example {
  readonly language: string;
  readonly code: string;
  /** The heading that it stands under, and its first line. */
  readonly title: string;
}

const HTTP = readFileSync(join(ROOT, 'docs/http.md'), 'utf8');

const examples: Example[] = [...(README + HTTP).matchAll(/^```(\w+) run\n([\s\S]*?)^```$/gm)].map(
  ([, language = '', code = '']) => ({
    language,
    code,
    title: `${language}: ${code.split('\n')[0]?.slice(0, 80)}`,
  }),
);

/** Tells why an example can't be run here; undefined where it can. */
function obstacle({ language, code }: Example): string | undefined {
  if (language === 'python' && !HAS_OPENAI_FOR_PYTHON) return 'no Python with the package openai';
  if (code.startsWith('grpcurl') && GRPCURL === undefined) return 'no grpcurl';
  if (code.startsWith('curl') && !hasCommand('curl')) return 'no curl';
  return undefined;
}

function run({ language, code }: Example, { http, grpc }: LinnetAddresses) {
  const here = code.replaceAll('http://localhost:8000', http).replaceAll('localhost:50051', grpc);
  if (language === 'js') return runInShell('node --input-type=module', here);
  if (language === 'python') return runInShell(`"${PYTHON}" -`, here);
  return runInShell(withGrpcurl(here));
}

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
      const reason = obstacle(example);
      it.skipIf(reason !== undefined)(
        `${example.title}${reason === undefined ? '' : ` (skipped: ${reason})`}`,
        async () => {
          const { code, stdout, stderr } = await run(example, addresses);
          expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
          expect(stdout.trim()).not.toBe('');
          expect(stdout).not.toContain('"error"');
        },
      );
    }
  });

  it('list every setting with its flag, its variable and its default', () => {
    // The formatter pads the cells of a table.
    const text = README.replace(/ +/g, ' ');
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
