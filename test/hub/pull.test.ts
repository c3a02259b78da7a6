import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PullProgress } from '../../src/hub/pull.js';
import { findSnapshot } from '../../src/hub/snapshot.js';
import type { Fault, HubRepository } from '../support/hub-server.js';
import { HubUnderTest, noise } from '../support/hub-under-test.js';

const ID = 'birds/linnet';
const WEIGHTS = noise(200_000, 'weights');
const FILES = {
  'config.json': '{"model_type":"gpt2"}',
  'vocab.json': noise(3000, 'vocabulary'),
  'model.safetensors': WEIGHTS,
  'pytorch_model.bin': 'a pickle',
  'README.md': 'words',
};

let hub: HubUnderTest;
let repository: HubRepository;
beforeEach(async () => {
  hub = new HubUnderTest();
  await hub.server.start();
  repository = hub.server.add(ID, FILES);
});
afterEach(() => hub.close());

/** Lets the nth request for the weights meet the nth fault; later ones meet none. Only the weights are stored apart. */
function weightsMeet(...faults: (Fault | undefined)[]): void {
  let n = 0;
  hub.server.fault = ({ host }) => (host === 'storage' ? faults[n++] : undefined);
}

const weightsRequests = () => hub.server.requests.filter(({ host }) => host === 'storage');

describe('a pull', () => {
  it('brings the checkpoint into the cache, in the standard layout, and nothing but the checkpoint', async () => {
    const pulled = await hub.pull(ID);
    expect(pulled).toMatchObject({ commit: repository.commit });
    expect(readdirSync(pulled.directory).sort()).toEqual(['config.json', 'model.safetensors', 'vocab.json']);
    expect(hub.mismatches(pulled, repository)).toEqual([]);
    expect(readFileSync(join(hub.folder(ID), 'refs/main'), 'utf8')).toBe(repository.commit);
    expect(hub.leftovers(ID)).toEqual([]);
    expect(findSnapshot(hub.cache, { id: ID, revision: 'main' })).toBe(pulled.directory);
    expect(findSnapshot(hub.cache, { id: ID, revision: repository.commit })).toBe(pulled.directory);
  });

  it('tells how far it is, from a start to all bytes, and never back', async () => {
    const seen: PullProgress[] = [];
    const { totalBytes } = await hub.pull(ID, { onProgress: (progress) => seen.push(progress) });
    expect(totalBytes).toBe(WEIGHTS.length + 3000 + FILES['config.json'].length);
    expect(new Set(seen.map((progress) => progress.totalBytes))).toEqual(new Set([totalBytes]));
    const bytes = seen.map((progress) => progress.bytes);
    expect(bytes).toEqual([...bytes].sort((a, b) => a - b));
    expect(bytes.at(-1)).toBe(totalBytes);
  });

  it('sends the token to the Hub, and to nobody to whom the Hub redirects', async () => {
    repository = hub.server.add(ID, FILES, { token: 'hf_secret' });
    const pulled = await hub.pull(ID, { token: 'hf_secret' });
    expect(hub.mismatches(pulled, repository)).toEqual([]);
    const [atHub, elsewhere] = ['hub', 'storage'].map((host) =>
      hub.server.requests.filter((seen) => seen.host === host).map(({ authorization }) => authorization),
    );
    expect(new Set(atHub)).toEqual(new Set(['Bearer hf_secret']));
    expect(new Set(elsewhere)).toEqual(new Set([undefined]));
  });

  it('follows a repository to its new name, with the token', async () => {
    hub.server.add('old/linnet', {}, { movedTo: ID });
    repository = hub.server.add(ID, FILES, { token: 'hf_secret' });
    const pulled = await hub.pull('old/linnet', { token: 'hf_secret' });
    expect(hub.mismatches(pulled, repository)).toEqual([]);
  });

  it('downloads nothing that is there and right, and brings what a new commit changes', async () => {
    await hub.pull(ID);
    hub.server.requests.length = 0;
    await hub.pull(ID);
    expect(hub.server.downloads()).toEqual([]);

    repository.commit = 'b'.repeat(40);
    repository.files.set('config.json', Buffer.from('{"model_type":"gpt2","n_layer":1}'));
    const pulled = await hub.pull(ID);
    expect(hub.server.downloads().map(({ path }) => path)).toEqual([
      `/${ID}/resolve/${repository.commit}/config.json`,
    ]);
    expect(hub.mismatches(pulled, repository)).toEqual([]);
  });

  it('pulls the revision that it is asked for', async () => {
    const pulled = await hub.pull(`${ID}@refs/pr/1`);
    expect(readFileSync(join(hub.folder(ID), 'refs/refs/pr/1'), 'utf8')).toBe(pulled.commit);
    expect(findSnapshot(hub.cache, { id: ID, revision: 'main' })).toBeUndefined();
    await hub.pull(`${ID}@${repository.commit}`);
    expect(readdirSync(join(hub.folder(ID), 'refs'))).toEqual(['refs']);
  });

  it('replaces a blob that is damaged, and one that is cut short', async () => {
    const pulled = await hub.pull(ID);
    const weights = join(pulled.directory, 'model.safetensors');
    const damaged = Buffer.from(WEIGHTS);
    damaged[77]! ^= 1;
    for (const damage of [() => writeFileSync(weights, damaged), () => truncateSync(weights, 1000)]) {
      damage();
      expect(hub.mismatches(await hub.pull(ID), repository)).toEqual([]);
    }
  });

  it('brings all shards that the list names', async () => {
    const weightMap = { a: 'model-1.safetensors', b: 'model-2.safetensors', c: 'model-2.safetensors' };
    repository = hub.server.add(ID, {
      'config.json': '{}',
      'model.safetensors.index.json': JSON.stringify({ weight_map: weightMap }),
      'model-1.safetensors': noise(30_000, '1'),
      'model-2.safetensors': noise(40_000, '2'),
      'model-3.safetensors': 'of no use',
    });
    const pulled = await hub.pull(ID);
    expect(readdirSync(pulled.directory)).toHaveLength(4);
    expect(hub.mismatches(pulled, repository)).toEqual([]);
  });

  it('looks at the config before it downloads the weights', async () => {
    const checkConfig = (json: string) => {
      throw new Error(`not ${json}`);
    };
    await expect(hub.pull(ID, { checkConfig })).rejects.toThrow('not {"model_type":"gpt2"}');
    expect(weightsRequests()).toEqual([]);
    expect(hub.visible(ID)).toEqual([]);
  });

  it('asks nobody in offline mode', async () => {
    await expect(hub.pull(ID, { offline: true })).rejects.toThrow(
      /birds\/linnet is not in \S+, and HF_HUB_OFFLINE forbids/,
    );
    expect(hub.server.requests).toEqual([]);
  });
});

describe('a pull that meets a fault', () => {
  it.each<[string, Fault[]]>([
    ['a cut connection', [{ type: 'cut', bytes: 70_000 }]],
    ['a connection that is cut before the first byte', [{ type: 'cut', bytes: 0 }]],
    ['a connection that is cut again and again', Array(9).fill({ type: 'cut', bytes: 20_000 })],
    ['a server that falls silent', [{ type: 'silence', bytes: 70_000 }]],
    [
      'a server that is down for a moment',
      [
        { type: 'status', status: 503 },
        { type: 'status', status: 500 },
      ],
    ],
    ['a server that asks to wait', [{ type: 'status', status: 429, headers: { 'retry-after': '0' } }]],
    ['a server that knows no ranges', [{ type: 'cut', bytes: 70_000 }, { type: 'whole' }]],
  ])('gets over %s', async (_, faults) => {
    weightsMeet(...faults);
    const pulled = await hub.pull(ID, { silenceLimitMs: 200 });
    expect(hub.mismatches(pulled, repository)).toEqual([]);
    expect(hub.leftovers(ID)).toEqual([]);
    expect(weightsRequests()).toHaveLength(faults.length + (faults.at(-1)?.type === 'whole' ? 0 : 1));
  });

  it.each<[string, Fault[], RegExp]>([
    ['down', Array(3).fill({ type: 'status', status: 502 }), /answers 502\. \(3 tries\)/],
    [
      'silent',
      Array(3).fill({ type: 'silence', bytes: 0 }),
      /can't be reached or broke off: said nothing for 100 ms\. \(3 tries\)/,
    ],
    [
      'cutting every connection',
      Array(3).fill({ type: 'cut', bytes: 0 }),
      /can't be reached or broke off: \S.* \(3 tries\)/,
    ],
    [
      'sending another file',
      [{ type: 'flip' }],
      /is not the file: its SHA-256 is not [0-9a-f]{64}\. Nothing of it was kept/,
    ],
    ['sending more than the file', [{ type: 'overrun' }], /sends more than the 200000 bytes/],
  ])('ends with a clear error where the server is %s, and shows nothing', async (_, faults, message) => {
    weightsMeet(...faults);
    await expect(hub.pull(ID, { silenceLimitMs: 100 })).rejects.toThrow(message);
    expect(hub.visible(ID)).toEqual([]);
    expect(existsSync(join(hub.folder(ID), 'refs/main'))).toBe(false);
    expect(findSnapshot(hub.cache, { id: ID, revision: 'main' })).toBeUndefined();
    hub.server.fault = () => undefined;
    expect(hub.mismatches(await hub.pull(ID), repository)).toEqual([]);
  });

  it('keeps nothing of a file whose digest is wrong', async () => {
    weightsMeet({ type: 'flip' });
    await expect(hub.pull(ID)).rejects.toThrow('Nothing of it was kept');
    expect(hub.leftovers(ID)).toEqual([]);
  });

  it('begins anew where what an earlier one left is damaged', async () => {
    weightsMeet({ type: 'cut', bytes: 90_000 });
    await expect(hub.pull(ID, { maxTries: 1 })).rejects.toThrow();
    const [leftover = ''] = hub.leftovers(ID);
    writeFileSync(join(hub.folder(ID), 'blobs', leftover), noise(90_000, 'something else'));
    expect(hub.mismatches(await hub.pull(ID), repository)).toEqual([]);
    expect(weightsRequests().map(({ range }) => range)).toEqual([undefined, 'bytes=90000-', undefined]);
  });

  it('begins anew where what an earlier one left is longer than the file', async () => {
    weightsMeet({ type: 'cut', bytes: 90_000 });
    await expect(hub.pull(ID, { maxTries: 1 })).rejects.toThrow();
    const [leftover = ''] = hub.leftovers(ID);
    appendFileSync(join(hub.folder(ID), 'blobs', leftover), Buffer.alloc(200_000));
    expect(hub.mismatches(await hub.pull(ID), repository)).toEqual([]);
  });

  it.each<[string, string, () => void, RegExp]>([
    [
      'no such repository',
      'birds/none',
      () => {},
      /answers 401: Invalid username or password\. Either there is no such repository, or it is private: then set HF_TOKEN/,
    ],
    [
      'no such revision',
      `${ID}@gone`,
      () => {},
      /answers 404: Invalid rev id: gone\. Check the name, and the revision/,
    ],
    [
      'conditions that nobody accepted',
      ID,
      () => hub.server.add(ID, FILES, { gated: true }),
      /answers 403: Access to model is restricted\. Accept its conditions/,
    ],
    [
      'no weights but pickles',
      ID,
      () => repository.files.delete('model.safetensors'),
      /birds\/linnet has its weights as pickles only \(pytorch_model\.bin\).* refused/,
    ],
    [
      'no weights at all',
      ID,
      () => hub.server.add(ID, { 'config.json': '{}' }),
      /has neither model\.safetensors nor/,
    ],
    ['no config', ID, () => repository.files.delete('config.json'), /has no config\.json/],
    [
      'a list of shards that leads out of the folder',
      ID,
      () =>
        hub.server.add(ID, {
          'config.json': '{}',
          'model.safetensors.index.json': '{"weight_map":{"a":"../../x.safetensors"}}',
        }),
      /names "\.\.\/\.\.\/x\.safetensors", which is no safetensors file/,
    ],
    [
      'a list of shards with one that is missing',
      ID,
      () =>
        hub.server.add(ID, {
          'config.json': '{}',
          'model.safetensors.index.json': '{"weight_map":{"a":"x.safetensors"}}',
        }),
      /x\.safetensors answers 404: Entry not found/,
    ],
    [
      'a server that is no Hub',
      ID,
      () => {
        hub.server.fault = ({ path }) =>
          path.startsWith('/api/') ? { type: 'status', status: 204 } : undefined;
      },
      /does not answer as the Hugging Face Hub does/,
    ],
  ])('ends with a clear error at %s', async (_, name, arrange, message) => {
    arrange();
    const error = await hub.pull(name).catch((caught) => caught);
    expect(error.name).toBe('HubError');
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('\n');
    expect(hub.visible(ID)).toEqual([]);
  });

  it('ends with a clear error where nobody listens', async () => {
    const { endpoint } = hub.server;
    await hub.server.close();
    await expect(hub.pull(ID, { endpoint })).rejects.toThrow(
      `${endpoint} can't be reached or broke off: ECONNREFUSED. (3 tries)`,
    );
    await hub.server.start();
  });
});

describe('a pull that is cut', () => {
  it('goes on from where it was, and says so, at whatever byte the connection broke', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: WEIGHTS.length - 1 }), async (bytes) => {
        const fresh = new HubUnderTest(hub.server);
        weightsMeet({ type: 'cut', bytes });
        await expect(fresh.pull(ID, { maxTries: 1 })).rejects.toThrow('broke off');
        expect(fresh.visible(ID)).toEqual([]);
        const [leftover] = fresh.leftovers(ID);
        const kept = leftover === undefined ? 0 : statSync(join(fresh.folder(ID), 'blobs', leftover)).size;
        expect(kept).toBeLessThanOrEqual(bytes);

        const resumed: object[] = [];
        const onResume = (progress: object) => resumed.push(progress);
        const pulled = await fresh.pull(ID, { onResume });
        const { totalBytes } = pulled;
        const there = { bytes: totalBytes - WEIGHTS.length + kept, totalBytes };
        expect(resumed).toEqual(kept === 0 ? [] : [there]);
        await fresh.pull(ID, { onResume: () => expect.unreachable('All of it was there.') });
        expect(weightsRequests().at(-1)).toMatchObject({ sentBytes: WEIGHTS.length - kept });
        expect(fresh.mismatches(pulled, repository)).toEqual([]);
        expect(fresh.leftovers(ID)).toEqual([]);
        fresh.remove();
      }),
      { numRuns: 40 },
    );
  });

  it('goes on from where it was, whenever it was told to end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 12 }), async (numSteps) => {
        const fresh = new HubUnderTest(hub.server);
        const controller = new AbortController();
        let steps = 0;
        const onProgress = () => {
          if (steps++ === numSteps) controller.abort(new Error('Enough.'));
        };
        const first = await fresh.pull(ID, { signal: controller.signal, onProgress }).catch((error) => error);
        // Told at its last step, it may be done before it hears.
        if (first instanceof Error) {
          expect(first.message).toBe('Enough.');
          expect(fresh.visible(ID)).toEqual([]);
        }
        expect(fresh.mismatches(await fresh.pull(ID), repository)).toEqual([]);
        expect(fresh.leftovers(ID)).toEqual([]);
        fresh.remove();
      }),
      { numRuns: 26 },
    );
  });
});

describe('two pulls at once', () => {
  it('download each file once: the second waits for the first', async () => {
    let waited = 0;
    const onWait = () => waited++;
    const pulls = await Promise.all([hub.pull(ID, { onWait }), hub.pull(ID, { onWait })]);
    for (const pulled of pulls) expect(hub.mismatches(pulled, repository)).toEqual([]);
    expect(waited).toBe(1);
    expect(weightsRequests()).toHaveLength(1);
  });

  it('of which the first fails leave the second a way to go on', async () => {
    weightsMeet({ type: 'cut', bytes: 90_000 });
    const [first, second] = await Promise.allSettled([hub.pull(ID, { maxTries: 1 }), hub.pull(ID)]);
    // Whichever came first met the cut: the first gives up at once, the second tries again.
    if (first.status === 'rejected') expect(first.reason).toBeInstanceOf(Error);
    expect(second).toMatchObject({ status: 'fulfilled' });
    expect(weightsRequests().at(-1)?.range).toMatch(/^bytes=[1-9]\d{4}-$/);
  });
});
