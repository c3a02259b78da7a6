import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { KEY_ID, type KeyRecord } from './api-key.js';

const limit = z.int().min(1).optional();
const RECORD = z.strictObject({
  id: z.string().regex(KEY_ID, 'must be 1 to 64 of a-z, 0-9 and -'),
  salt: z.string().regex(/^[\w-]{22}$/, 'must be 16 bytes in base64url'),
  sha256: z.string().regex(/^[\w-]{43}$/, 'must be 32 bytes in base64url'),
  requestsPerMinute: limit,
  concurrentRequests: limit,
  tokensPerMinute: limit,
  admin: z.boolean().optional(),
});
const FILE = z.strictObject({ keys: z.array(RECORD).max(100_000) });

/**
 * Reads the contents of a file of keys: `{"keys": [{"id", "salt", "sha256", "admin", limits...}]}`.
 *
 * @throws Error in one line that says what is wrong, without the path.
 */
export function parseKeyFile(text: string): readonly KeyRecord[] {
  const keys = parseObject(text).map(({ id, salt, sha256, admin = false, ...limits }) => ({
    id,
    salt: Buffer.from(salt, 'base64url'),
    hash: Buffer.from(sha256, 'base64url'),
    limits,
    isAdmin: admin,
  }));
  const ids = keys.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined) throw new Error(`it has the id "${twice}" twice`);
  return keys;
}

/** Writes keys as {@link parseKeyFile} reads them. */
export function renderKeyFile(records: readonly KeyRecord[]): string {
  const keys = records.map(({ id, salt, hash, limits, isAdmin }) => ({
    id,
    salt: salt.toString('base64url'),
    sha256: hash.toString('base64url'),
    ...limits,
    ...(isAdmin && { admin: true }),
  }));
  return `${JSON.stringify({ keys }, null, 2)}\n`;
}

/**
 * Changes a file of keys as a whole: a server that reads it sees all of the change or nothing. Two who change it at once
 * go one after the other, or the second fails. A new file is for its owner only.
 *
 * @param change - makes the new keys of those that are there; none where there is no file.
 * @throws Error in one line.
 */
export function changeKeyFile(path: string, change: (records: readonly KeyRecord[]) => readonly KeyRecord[]) {
  const lock = `${path}.lock`;
  try {
    closeSync(openSync(lock, 'wx', 0o600));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new Error(`${path} is being changed by another command; remove ${lock} where none runs`, { cause });
  }
  const draft = `${path}.${randomUUID()}`;
  try {
    const records = change(readRecords(path));
    writeFileSync(draft, renderKeyFile(records), { mode: 0o600, flush: true });
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
    rmSync(lock, { force: true });
  }
}

function readRecords(path: string): readonly KeyRecord[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    return parseKeyFile(text);
  } catch (error) {
    throw new Error(`${path} is no file of keys: ${(error as Error).message}`);
  }
}

function parseObject(text: string) {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw new Error('it is not JSON');
  }
  const parsed = FILE.safeParse(json);
  if (parsed.success) return parsed.data.keys;
  const [issue] = parsed.error.issues;
  throw new Error(`${issue?.path.join('.') || 'it'}: ${issue?.message ?? 'is not valid'}`);
}
