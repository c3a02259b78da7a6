import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isKeyOf } from '../../src/security/api-key.js';
import { parseKeyFile } from '../../src/security/key-file.js';
import { PemFolder } from '../support/certificates.js';
import { LinnetProcess } from '../support/linnet-process.js';

let folder: PemFolder;
let file: string;
beforeEach(() => {
  folder = new PemFolder();
  file = folder.path('keys.json');
});
afterEach(() => folder.remove());

async function run(...args: string[]) {
  const linnet = new LinnetProcess(['key', ...args], { environment: { LINNET_API_KEYS: file } });
  const code = await linnet.end();
  return { code, stdout: linnet.stdout, stderr: linnet.stderr };
}

const records = () => parseKeyFile(readFileSync(file, 'utf8'));

describe('linnet key', () => {
  it('prints a new key once, and keeps its hash and its limits', async () => {
    const { code, stdout } = await run('create', 'alice', '--requests-per-minute', '60');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^linnet_alice_[\w-]{43}\n$/);
    expect(readFileSync(file, 'utf8')).not.toContain(stdout.trim().slice(-43));
    const [record] = records();
    expect(record).toMatchObject({ id: 'alice', limits: { requestsPerMinute: 60 } });
    expect(isKeyOf(record, stdout.trim())).toBe(true);
  });

  it('makes an administrator of a key only where it is told to', async () => {
    await run('create', 'alice');
    await run('create', 'root', '--admin');
    expect(records().map(({ isAdmin }) => isAdmin)).toEqual([false, true]);
  });

  it('adds to the keys that are there, and revokes them one by one', async () => {
    await run('create', 'alice');
    await run('create', 'bob');
    expect(records().map(({ id }) => id)).toEqual(['alice', 'bob']);
    expect(await run('revoke', 'alice')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(records().map(({ id }) => id)).toEqual(['bob']);
  });

  it.each([
    [['create', 'Al Ice'], /It must be 1 to 64 of a-z, 0-9 and -\./],
    [['create', 'x', '--requests-per-minute', '0'], /It must be at least 1\./],
    [['revoke', 'nobody'], /^linnet: There is no key "nobody" in the file, which has none\.\n$/],
    [
      ['create', 'x', '--api-keys', 'none'],
      /^linnet: Name the file of keys with --api-keys or LINNET_API_KEYS\.\n$/,
    ],
  ])('refuses %j', async (args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('refuses an id that there is already', async () => {
    await run('create', 'alice');
    const { code, stdout, stderr } = await run('create', 'alice');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/There is a key "alice" already; choose another id, or revoke it first\./);
    expect(records()).toHaveLength(1);
  });
});
