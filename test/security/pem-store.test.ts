import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type PemFiles, PemStore } from '../../src/security/pem-store.js';
import { PemFolder, TestAuthority } from '../support/certificates.js';

const authority = new TestAuthority();
const one = authority.issue('one');
const two = authority.issue('two');

let folder: PemFolder;
let logs: Record<string, unknown>[];
const stores: PemStore[] = [];

beforeEach(() => {
  folder = new PemFolder();
  logs = [];
});
afterEach(() => {
  for (const store of stores.splice(0)) store.close();
  folder.remove();
});

function open(files: PemFiles): PemStore {
  const logger = pino({}, { write: (line: string) => logs.push(JSON.parse(line)) });
  const store = new PemStore(files, { logger, intervalMs: 10 });
  stores.push(store);
  return store;
}

describe('PemStore', () => {
  it('has what the files have, and tells of what they have next', async () => {
    const identity = folder.writeIdentity('server', one);
    const store = open({ identity, caFile: folder.write('ca.crt', authority.cert) });
    expect(store.pem.cert?.toString()).toBe(one.cert);
    expect(store.pem.ca?.toString()).toBe(authority.cert);
    const changes: (string | undefined)[] = [];
    const unsubscribe = store.onChange(({ cert }) => changes.push(cert?.toString()));
    folder.writeIdentity('server', two);
    await vi.waitFor(() => expect(changes).toEqual([two.cert]));
    unsubscribe();
    expect(logs).toHaveLength(1);
    expect(logs[0]).toMatchObject({ level: 30, msg: 'New connections use the new certificates.' });
  });

  it.each([
    [
      'a certificate without its key',
      () => folder.write('server.crt', two.cert),
      /server\.key is not the key of the/,
    ],
    ['no PEM', () => folder.write('server.crt', 'nothing'), /server\.crt has no certificate in PEM$/],
    [
      'an expired certificate',
      () => folder.writeIdentity('server', authority.issue('old', { validTo: new Date(Date.now() - 1000) })),
      /server\.crt expired on /,
    ],
    [
      'a broken certificate',
      () => folder.write('server.crt', two.cert.replaceAll('MII', 'AAA')),
      /server\.crt has a certificate that can't be read/,
    ],
    [
      'a broken key',
      () => folder.write('server.key', 'nothing'),
      /server\.key has no private key that can be read/,
    ],
  ])('keeps what it has while the files have %s', async (_what, spoil, problem) => {
    const store = open({ identity: folder.writeIdentity('server', one) });
    spoil();
    await vi.waitFor(() => expect(logs).toHaveLength(1));
    expect(logs[0]).toMatchObject({ level: 50, error: expect.stringMatching(problem) });
    expect(JSON.stringify(logs[0])).not.toContain('    at ');
    expect(store.pem.cert?.toString()).toBe(one.cert);
    folder.writeIdentity('server', two);
    await vi.waitFor(() => expect(store.pem.cert?.toString()).toBe(two.cert));
  });

  it('does not begin with files that are of no use', () => {
    const identity = { certFile: folder.write('a.crt', one.cert), keyFile: folder.write('b.key', two.key) };
    expect(() => open({ identity })).toThrow(/b\.key is not the key of the certificate in .*a\.crt$/);
    expect(() => open({ caFile: folder.path('none.crt') })).toThrow(
      /none\.crt can't be read: there is no such file$/,
    );
  });
});
