import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readConfigFile } from '../../../src/cli/settings/config-file.js';

const directory = mkdtempSync(join(tmpdir(), 'linnet-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

function write(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

describe('config file', () => {
  it('gives its values as they stand', () => {
    const path = write('good.json', '{"httpPort": 8001, "kvCache": "2GiB"}');
    expect(readConfigFile(path)).toEqual({ path, values: { httpPort: 8001, kvCache: '2GiB' } });
  });

  it('need not exist where none was named', () => {
    expect(readConfigFile(undefined)).toBeUndefined();
  });

  it('must exist where one was named', () => {
    expect(() => readConfigFile(join(directory, 'none.json'))).toThrow(/none\.json can't be read: ENOENT/);
  });

  it.each(['[1]', '"text"', 'null', '{"host": }'])('must be a JSON object: %s', (text) => {
    expect(() => readConfigFile(write('bad.json', text))).toThrow(
      /bad\.json must be a JSON object of settings/,
    );
  });

  it('must not have a key that is no setting', () => {
    const path = write('typo.json', '{"htpPort": 8001}');
    expect(() => readConfigFile(path)).toThrow(
      /has the key "htpPort", which is no setting\. Settings are: host, httpPort,/,
    );
  });
});
