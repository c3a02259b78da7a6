import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CliError, UsageError } from '../../../src/cli/cli-error.js';
import {
  describeAccess,
  exposureOf,
  openEngineTls,
  openServerSecurity,
} from '../../../src/cli/processes/security.js';
import { resolveSettings } from '../../../src/cli/settings/resolve-settings.js';
import type { SettingKey } from '../../../src/cli/settings/settings.js';
import { PemFolder, TestAuthority } from '../../support/certificates.js';

const log = pino({ enabled: false });
const authority = new TestAuthority();

let folder: PemFolder;
beforeEach(() => {
  folder = new PemFolder();
});
afterEach(() => folder.remove());

function settingsWith(flags: Partial<Record<SettingKey, string>>) {
  return resolveSettings({ flags, environment: {}, file: undefined }).settings;
}

describe('openServerSecurity', () => {
  it('opens nothing by default', () => {
    expect(openServerSecurity(settingsWith({}), log)).toEqual({ tls: undefined, keys: undefined });
  });

  it('opens certificates and keys', () => {
    const { certFile, keyFile } = folder.writeIdentity('server', authority.issue('localhost'));
    const flags = { tlsCert: certFile, tlsKey: keyFile, apiKeys: folder.write('keys.json', '{"keys":[]}') };
    const { tls, keys } = openServerSecurity(settingsWith(flags), log);
    expect(tls?.pem.cert).toBeDefined();
    expect(keys).toBeDefined();
    tls?.close();
    keys?.close();
  });

  it.each([
    [{ tlsCert: 'a.crt' }, '--tls-cert or LINNET_TLS_CERT is of no use without --tls-key or LINNET_TLS_KEY.'],
    [{ tlsKey: 'a.key' }, '--tls-key or LINNET_TLS_KEY is of no use without --tls-cert or LINNET_TLS_CERT.'],
    [
      { tlsClientCa: 'ca.crt' },
      '--tls-client-ca or LINNET_TLS_CLIENT_CA is of no use without --tls-cert or LINNET_TLS_CERT.',
    ],
  ])('says what is missing: %j', (flags, message) => {
    expect(() => openServerSecurity(settingsWith(flags), log)).toThrow(new UsageError(message));
  });

  it('says in one line which file is of no use', () => {
    const open = () => openServerSecurity(settingsWith({ apiKeys: folder.path('none.json') }), log);
    expect(open).toThrow(CliError);
    expect(open).toThrow(/^.*none\.json can't be read: there is no such file\.$/);
  });
});

describe('openEngineTls', () => {
  it('is plaintext unless authorities are named, or the system is to know them', () => {
    expect(openEngineTls(settingsWith({}), log)).toBeUndefined();
    expect(openEngineTls(settingsWith({ engineCa: 'system' }), log)?.pem).toEqual({});
    const caFile = folder.write('ca.crt', authority.cert);
    const store = openEngineTls(settingsWith({ engineCa: caFile }), log);
    expect(store?.pem.ca?.toString()).toBe(authority.cert);
    store?.close();
    const identity = { engineCert: 'a', engineKey: 'b' };
    expect(() => openEngineTls(settingsWith(identity), log)).toThrow('is of no use without --engine-ca');
  });
});

describe('exposureOf and describeAccess', () => {
  const tls = { tlsCert: 'a', tlsKey: 'b' };
  it.each([
    [{}, undefined, 'this machine only, in plaintext'],
    [{ host: '::1', apiKeys: 'k' }, undefined, 'this machine only, in plaintext, with an API key'],
    [{ host: '0.0.0.0' }, /in plaintext and asks nobody who they are/, 'whoever can reach it, in plaintext'],
    [{ host: '::' }, /--tls-cert and --api-keys change that/, 'whoever can reach it, in plaintext'],
    [{ host: '0.0.0.0', ...tls }, /it asks nobody who they are/, 'whoever can reach it, over TLS'],
    [
      { host: '0.0.0.0', apiKeys: 'k' },
      /^Prompts and API keys cross the network/,
      'whoever can reach it, in plaintext, with an API key',
    ],
    [{ host: '0.0.0.0', ...tls, apiKeys: 'k' }, undefined, 'whoever can reach it, over TLS, with an API key'],
    [
      { host: '0.0.0.0', ...tls, tlsClientCa: 'c' },
      undefined,
      'whoever can reach it, over TLS, with a client certificate',
    ],
  ])('say of %j what strangers can do', (flags, warning, access) => {
    const settings = settingsWith(flags);
    if (warning === undefined) expect(exposureOf(settings)).toBeUndefined();
    else expect(exposureOf(settings)).toMatch(warning);
    expect(describeAccess(settings)).toBe(access);
  });
});
