import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseRepository } from '../../src/hub/repository.js';
import { findSnapshot, lockPathOf, RepositoryCache } from '../../src/hub/snapshot.js';

const COMMIT = 'c'.repeat(40);
const INDEX = 'model.safetensors.index.json';

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'linnet-snapshot-'));
});
afterEach(() => rmSync(cache, { recursive: true }));

/** Writes a snapshot as another tool would have left it, without links. */
function leave(folder: string, files: Record<string, string>, ref = 'main'): string {
  const directory = join(cache, folder, 'snapshots', COMMIT);
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  if (ref !== '') {
    mkdirSync(join(cache, folder, 'refs'), { recursive: true });
    writeFileSync(join(cache, folder, 'refs', ref), `${COMMIT}\n`);
  }
  return directory;
}

const find = (name: string) => findSnapshot(cache, parseRepository(name)!);
const WHOLE = { 'config.json': '{}', 'model.safetensors': 'weights' };

describe('a snapshot in the cache', () => {
  it('is found by the revision whose commit it is, and by the commit itself', () => {
    const directory = leave('models--birds--linnet', WHOLE);
    expect(find('birds/linnet')).toBe(directory);
    expect(find(`birds/linnet@${COMMIT}`)).toBe(directory);
    expect(find('birds/linnet@v1')).toBeUndefined();
    expect(find('birds/wren')).toBeUndefined();
  });

  it('is found under the short name that a published model had before it moved, its own name first', () => {
    const old = leave('models--gpt2', WHOLE);
    expect(find('gpt2')).toBe(old);
    expect(find('openai-community/gpt2')).toBe(old);
    const current = leave('models--openai-community--gpt2', WHOLE);
    expect(find('gpt2')).toBe(current);
  });

  it.each<[string, Record<string, string>]>([
    ['its config', { 'model.safetensors': 'weights' }],
    ['its weights', { 'config.json': '{}' }],
    ['a shard', { 'config.json': '{}', [INDEX]: '{"weight_map":{"a":"1.safetensors"}}' }],
    ['what its list of shards should say', { 'config.json': '{}', [INDEX]: '{' }],
  ])('is none without %s', (_, files) => {
    leave('models--birds--linnet', files);
    expect(find('birds/linnet')).toBeUndefined();
  });

  it('may have its weights in shards', () => {
    const shards = { '1.safetensors': 'a', '2.safetensors': 'b' };
    const index = JSON.stringify({ weight_map: { x: '1.safetensors', y: '2.safetensors' } });
    const directory = leave('models--birds--linnet', { 'config.json': '{}', [INDEX]: index, ...shards });
    expect(find('birds/linnet')).toBe(directory);
  });

  it('is none where the ref is no commit', () => {
    leave('models--birds--linnet', WHOLE, '');
    expect(find('birds/linnet')).toBeUndefined();
    mkdirSync(join(cache, 'models--birds--linnet/refs'));
    writeFileSync(join(cache, 'models--birds--linnet/refs/main'), '../../elsewhere');
    expect(find('birds/linnet')).toBeUndefined();
  });
});

describe('the cache of a repository', () => {
  const [first, second] = ['a', 'b'].map((digit) => digit.repeat(64)) as [string, string];

  function store(): RepositoryCache {
    const repository = new RepositoryCache(cache, 'birds/linnet');
    mkdirSync(join(cache, 'models--birds--linnet/blobs'), { recursive: true });
    for (const etag of [first, second]) writeFileSync(repository.blobPath(etag), `blob ${etag}`);
    return repository;
  }

  it('links a name to a blob, again and to another one, and leaves nothing beside', async () => {
    const repository = store();
    const folder = repository.snapshotPath(COMMIT);
    for (const etag of [first, first, second]) {
      await repository.link(COMMIT, 'config.json', etag);
      expect(readFileSync(join(folder, 'config.json'), 'utf8')).toBe(`blob ${etag}`);
    }
    expect(lstatSync(join(folder, 'config.json')).isSymbolicLink()).toBe(true);
    expect(readdirSync(folder)).toEqual(['config.json']);
  });

  it('notes the commit of a branch with slashes in its name, and none for a commit', async () => {
    const repository = store();
    await repository.writeRef('refs/pr/1', COMMIT);
    await repository.writeRef(COMMIT, COMMIT);
    const refs = join(cache, 'models--birds--linnet/refs');
    expect(readdirSync(refs)).toEqual(['refs']);
    expect(readFileSync(join(refs, 'refs/pr/1'), 'utf8')).toBe(COMMIT);
    expect(readdirSync(join(refs, 'refs/pr'))).toEqual(['1']);
  });

  it('has its lock where other tools keep theirs', () => {
    expect(lockPathOf('/cache', 'birds/linnet')).toBe('/cache/.locks/models--birds--linnet/linnet.lock');
  });
});
