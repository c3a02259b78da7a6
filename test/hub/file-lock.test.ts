import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { takeLock } from '../../src/hub/file-lock.js';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'linnet-lock-'));
  path = join(directory, 'deep', 'lock');
});
afterEach(() => rmSync(directory, { recursive: true }));

const take = (expiresMs = 30_000, signal = new AbortController().signal) =>
  takeLock(path, { signal, onWait: () => {}, expiresMs, pollMs: 5 });

function leave(owner: object): void {
  writeFileSync(path, JSON.stringify(owner));
}

describe('a lock', () => {
  it('is held by one at a time, and gone when nobody holds it', async () => {
    let holders = 0;
    let most = 0;
    const hold = async () => {
      const release = await take();
      most = Math.max(most, ++holders);
      await new Promise((resolve) => setTimeout(resolve, 3));
      holders--;
      await release();
    };
    await Promise.all(Array.from({ length: 8 }, hold));
    expect(most).toBe(1);
    expect(existsSync(path)).toBe(false);
  });

  it('of a process that died on this machine is free at once', async () => {
    await (await take())();
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    leave({ pid, host: hostname(), token: 'old' });
    const release = await take();
    expect(JSON.parse(readFileSync(path, 'utf8')).pid).toBe(process.pid);
    await release();
  });

  it('of a process elsewhere is free once it has not been touched for a while, and not before', async () => {
    await (await take())();
    leave({ pid: 1, host: 'elsewhere', token: 'old' });
    const startedAt = performance.now();
    await (await take(150))();
    expect(performance.now() - startedAt).toBeGreaterThan(150);
  });

  it('is kept by an owner that is alive, however long it takes', async () => {
    const expiresMs = 600;
    const release = await take(expiresMs);
    let taken = false;
    const second = take(expiresMs).then((releaseSecond) => {
      taken = true;
      return releaseSecond();
    });
    const takenAtMs = statSync(path).mtimeMs;
    await expect
      .poll(() => statSync(path).mtimeMs - takenAtMs, { timeout: 20_000 })
      .toBeGreaterThan(2 * expiresMs);
    expect(taken).toBe(false);
    await release();
    await second;
  });

  it('is not waited for any longer when the signal aborts', async () => {
    const release = await take();
    const controller = new AbortController();
    const waiting = take(30_000, controller.signal);
    controller.abort();
    await expect(waiting).rejects.toThrow('aborted');
    await release();
  });
});
