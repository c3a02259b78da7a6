import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Whoever holds a lock, as its file says it. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Different for each time that it is held. */
  readonly token: string;
}

/** How a lock is waited for. */
export interface FileLockOptions {
  readonly signal: AbortSignal;
  /** Called once, where somebody else holds it. */
  readonly onWait: () => void;
  /** How long a lock may lie there without a sign of life before its owner counts as gone. Default 30,000. Milliseconds. */
  readonly expiresMs?: number;
  /** How often a waiting process looks. Default 200. Milliseconds. */
  readonly pollMs?: number;
}

/**
 * Takes a lock that processes of ours share, waiting for whoever holds it, and returns what lets go of it.
 *
 * Node has no locks that the system releases, so this is a file that its owner touches while it holds it. An owner that
 * died is noticed at once on the same machine, elsewhere after `expiresMs` without a touch, by the waiting process's own
 * clock. Two processes could still both think that they have it, after a machine slept for instance: what it guards must
 * be safe then, and only done twice.
 */
export async function takeLock(path: string, options: FileLockOptions): Promise<() => Promise<void>> {
  const { signal, onWait, expiresMs = 30_000, pollMs = 200 } = options;
  const mine: Owner = { pid: process.pid, host: hostname(), token: randomUUID() };
  await mkdir(dirname(path), { recursive: true });
  let seen = { state: '', sinceMs: 0 };
  for (let tries = 0; !(await create(path, mine)); tries++) {
    if (tries === 0) onWait();
    const state = await stateOf(path);
    if (state !== seen.state) seen = { state, sinceMs: performance.now() };
    const isSilent = performance.now() - seen.sinceMs > expiresMs;
    if (isSilent || (await isOwnerGone(path))) await remove(path, state);
    else await sleep(pollMs, undefined, { signal });
  }
  const heartbeat = setInterval(() => void touch(path), expiresMs / 6).unref();
  return async () => {
    clearInterval(heartbeat);
    if ((await readOwner(path))?.token === mine.token) await rm(path, { force: true });
  };
}

/** Makes the lock's file, unless there is one. */
async function create(path: string, owner: Owner): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    await file.writeFile(JSON.stringify(owner));
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Changes whenever the lock is touched, or held by somebody else. Empty where there is none. */
async function stateOf(path: string): Promise<string> {
  const status = await stat(path, { bigint: true }).catch(() => undefined);
  return status === undefined ? '' : `${status.ino}:${status.mtimeNs}`;
}

async function isOwnerGone(path: string): Promise<boolean> {
  const owner = await readOwner(path);
  return owner !== undefined && owner.host === hostname() && !isAlive(owner.pid);
}

async function readOwner(path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    // Gone meanwhile, or not written yet.
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Removes a lock that nobody holds, as long as it is still the one that was looked at. */
async function remove(path: string, state: string): Promise<void> {
  if ((await stateOf(path)) !== state) return;
  const aside = `${path}.${randomUUID()}`;
  // Of several processes that come here at once one gets it.
  await rename(path, aside).catch(() => undefined);
  await rm(aside, { force: true });
}

async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}
