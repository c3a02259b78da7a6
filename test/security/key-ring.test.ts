import { statSync, writeFileSync } from 'node:fs';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AccessError } from '../../src/security/access-error.js';
import { createKey, findKey, isKeyOf } from '../../src/security/api-key.js';
import { changeKeyFile, parseKeyFile, renderKeyFile } from '../../src/security/key-file.js';
import { KeyRing } from '../../src/security/key-ring.js';
import { PemFolder } from '../support/certificates.js';

const alice = createKey('alice', { requestsPerMinute: 10 });
const bob = createKey('bob', {});

let folder: PemFolder;
let logs: Record<string, unknown>[];
const rings: KeyRing[] = [];

beforeEach(() => {
  folder = new PemFolder();
  logs = [];
});
afterEach(() => {
  for (const ring of rings.splice(0)) ring.close();
  folder.remove();
});

function openRing(content: string): KeyRing {
  const logger = pino({}, { write: (line: string) => logs.push(JSON.parse(line)) });
  const ring = new KeyRing(folder.write('keys.json', content), { logger, intervalMs: 10 });
  rings.push(ring);
  return ring;
}

function reasonOf(ring: KeyRing, key: string | undefined): string | undefined {
  try {
    ring.authenticate(key);
  } catch (error) {
    if (error instanceof AccessError) return error.status.reason;
    throw error;
  }
  return undefined;
}

describe('KeyRing', () => {
  it('knows whose key it is, and its limits', () => {
    const ring = openRing(renderKeyFile([alice.record, bob.record]));
    expect(ring.authenticate(alice.key)).toMatchObject({ id: 'alice', limits: { requestsPerMinute: 10 } });
    expect(ring.authenticate(bob.key).id).toBe('bob');
  });

  it('refuses no key, a foreign key, another key of the same id, and what is no key', () => {
    const ring = openRing(renderKeyFile([alice.record]));
    expect(reasonOf(ring, undefined)).toBe('API_KEY_MISSING');
    const foreign = [
      bob.key,
      createKey('alice', {}).key,
      'none',
      '',
      `${alice.key}x`,
      alice.key.slice(0, -1),
    ];
    for (const key of foreign) expect(reasonOf(ring, key)).toBe('API_KEY_INVALID');
  });

  it('repeats no key', () => {
    const ring = openRing(renderKeyFile([alice.record]));
    expect(() => ring.authenticate(bob.key)).toThrow(/^The API key is not valid here\.$/);
  });

  it('reads the file again when it changes, and keeps what it has while the file is bad', async () => {
    const ring = openRing(renderKeyFile([alice.record]));
    folder.write('keys.json', '{"keys": [');
    await vi.waitFor(() => expect(logs.at(-1)).toMatchObject({ level: 50 }));
    expect(logs.at(-1)?.['error']).toMatch(/keys\.json is no file of API keys: it is not JSON$/);
    expect(ring.authenticate(alice.key).id).toBe('alice');

    folder.write('keys.json', renderKeyFile([bob.record]));
    await vi.waitFor(() => expect(ring.authenticate(bob.key).id).toBe('bob'));
    expect(reasonOf(ring, alice.key)).toBe('API_KEY_INVALID');
    expect(logs).toHaveLength(2);
  });

  it('keeps its keys where the file vanishes', async () => {
    const ring = openRing(renderKeyFile([alice.record]));
    folder.remove();
    await vi.waitFor(() => expect(logs.at(-1)).toMatchObject({ level: 50 }));
    expect(ring.authenticate(alice.key).id).toBe('alice');
  });

  it.each([
    ['', 'it is not JSON'],
    ['[]', 'it: Invalid input: expected object, received array'],
    ['{"keys": [{"id": "A B", "salt": "x", "sha256": "x"}]}', 'keys.0.id: must be 1 to 64 of a-z, 0-9 and -'],
    [renderKeyFile([alice.record, alice.record]), 'it has the id "alice" twice'],
  ])('does not begin with a bad file: %j', (content, problem) => {
    expect(() => openRing(content)).toThrow(`keys.json is no file of API keys: ${problem}`);
  });

  it('does not begin without a file', () => {
    const logger = pino({ enabled: false });
    expect(() => new KeyRing('/nowhere/keys.json', { logger })).toThrow(
      "/nowhere/keys.json can't be read: there is no such file",
    );
  });

  it('warns where there are no keys', () => {
    openRing('{"keys": []}');
    expect(logs[0]).toMatchObject({ level: 40, msg: 'There are no keys: every request is refused.' });
  });
});

describe('an API key', () => {
  it('is in no file: only a salted hash is', () => {
    const text = renderKeyFile([alice.record]);
    expect(text).not.toContain(alice.key.slice(-43));
    const [record] = parseKeyFile(text);
    expect(record).toEqual(alice.record);
    expect(isKeyOf(record, alice.key)).toBe(true);
    expect(createKey('alice', {}).record.salt).not.toEqual(alice.record.salt);
  });

  it.each([
    [{ authorization: 'Bearer abc' }, 'abc'],
    [{ authorization: 'bearer   abc' }, 'abc'],
    [{ authorization: 'Basic abc' }, undefined],
    [{ authorization: 'Bearer' }, undefined],
    [{ 'x-api-key': 'abc' }, 'abc'],
    [{ authorization: 'Bearer abc', 'x-api-key': 'def' }, 'abc'],
    [{ 'x-api-key': '' }, undefined],
    [{}, undefined],
  ])('is found in %j', (headers: Record<string, string>, key) => {
    expect(findKey((name) => headers[name])).toBe(key);
  });
});

describe('changeKeyFile', () => {
  it('makes a file for its owner only, and changes it as a whole', () => {
    const path = folder.path('new.json');
    changeKeyFile(path, (records) => [...records, alice.record]);
    changeKeyFile(path, (records) => [...records, bob.record]);
    const ring = new KeyRing(path, { logger: pino({ enabled: false }) });
    rings.push(ring);
    expect([ring.authenticate(alice.key).id, ring.authenticate(bob.key).id]).toEqual(['alice', 'bob']);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('leaves the file as it is where the change fails, where it is bad, or where another command changes it', () => {
    const path = folder.write('keys.json', renderKeyFile([alice.record]));
    const before = statSync(path).ino;
    const fail = () => {
      throw new Error('no');
    };
    expect(() => changeKeyFile(path, fail)).toThrow('no');
    writeFileSync(`${path}.lock`, '');
    expect(() => changeKeyFile(path, (records) => records)).toThrow('is being changed by another command');
    expect(statSync(path).ino).toBe(before);
    const bad = folder.write('bad.json', 'precious');
    expect(() => changeKeyFile(bad, () => [])).toThrow('bad.json is no file of keys: it is not JSON');
  });
});
