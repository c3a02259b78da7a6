import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EngineDirectory, type EnginePlace } from '../../../src/gateway/upstream/engine-directory.js';
import { type DnsFault, FaultyDns } from '../../support/faulty-dns.js';

let dns: FaultyDns;
let directory: EngineDirectory | undefined;
beforeEach(async () => {
  dns = await FaultyDns.start();
});
afterEach(() => {
  directory?.close();
  dns.close();
});

function open(names: readonly string[], resolveIntervalMs = 20) {
  const told: string[][] = [];
  const failures: string[] = [];
  directory = new EngineDirectory(names, {
    resolveIntervalMs,
    onChange: (places: readonly EnginePlace[]) => told.push(places.map(({ address }) => address)),
    onFailure: (name) => failures.push(name),
  });
  return { told, failures, directory };
}

describe('EngineDirectory', () => {
  it('asks the DNS server that a name has for all addresses of it, again and again', async () => {
    dns.addresses = ['127.0.0.2', '127.0.0.3'];
    const { told, directory } = open([`dns://${dns.target}/engines.test:50051`, 'one.test:50051']);
    await directory.resolved;
    expect(told).toEqual([
      ['one.test:50051'],
      ['ipv4:127.0.0.2:50051', 'ipv4:127.0.0.3:50051', 'one.test:50051'],
    ]);
    dns.addresses = ['127.0.0.4'];
    await vi.waitFor(() => expect(told.at(-1)).toEqual(['ipv4:127.0.0.4:50051', 'one.test:50051']));
    expect(told).toHaveLength(3);
  });

  it.each<DnsFault>(['silent', 'failing', 'unknown', 'garbled'])(
    'keeps what it knows while the server is %s, says so once, and hears of what is new afterwards',
    async (fault) => {
      dns.addresses = ['127.0.0.2'];
      const { told, failures, directory } = open([`dns://${dns.target}/engines.test:50051`]);
      await directory.resolved;
      dns.fault = fault;
      dns.addresses = ['127.0.0.3'];
      await vi.waitFor(() => expect(failures).toHaveLength(1), { timeout: 20_000 });
      if (fault !== 'silent' && fault !== 'garbled') {
        const { numQuestions } = dns;
        await vi.waitFor(() => expect(dns.numQuestions).toBeGreaterThan(numQuestions + 4));
      }
      expect(failures).toHaveLength(1);
      expect(told).toEqual([['ipv4:127.0.0.2:50051']]);
      dns.fault = 'none';
      await vi.waitFor(() => expect(told.at(-1)).toEqual(['ipv4:127.0.0.3:50051']), { timeout: 20_000 });
    },
  );

  it('soon tries a name again that has never resolved', async () => {
    dns.fault = 'unknown';
    dns.addresses = ['127.0.0.2'];
    const { told, failures, directory } = open([`dns://${dns.target}/engines.test:50051`], 3_600_000);
    await directory.resolved;
    expect(failures).toHaveLength(1);
    dns.fault = 'none';
    await vi.waitFor(() => expect(told).toEqual([['ipv4:127.0.0.2:50051']]), { timeout: 5000 });
  });

  it('waits for an answer that is late', async () => {
    dns.addresses = ['127.0.0.2'];
    dns.delayMs = 300;
    const { told, failures, directory } = open([`dns://${dns.target}/engines.test:50051`]);
    await directory.resolved;
    expect(told).toEqual([['ipv4:127.0.0.2:50051']]);
    expect(failures).toEqual([]);
  });
});
