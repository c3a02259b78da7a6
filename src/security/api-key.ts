import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** What one key may do; undefined is without limit. */
export interface KeyLimits {
  /** Requests to generate or score that begin in a minute, evenly: after a pause as many at once. At least 1. */
  readonly requestsPerMinute?: number | undefined;
  /** Requests that run or wait at a time. At least 1. */
  readonly concurrentRequests?: number | undefined;
  /** Tokens of prompts and completions in a minute. A request may go beyond what is left; the next ones then wait. At least 1. */
  readonly tokensPerMinute?: number | undefined;
}

/** A key as it is stored: what proves it, and what it may do. The key itself is not in it. */
export interface KeyRecord {
  /** Names it in logs: 1 to 64 of `a-z 0-9 -`. */
  readonly id: string;
  /** 16 bytes. */
  readonly salt: Buffer;
  /** SHA-256 of the salt and the key. One round is enough: a key has 256 random bits, so that nobody can guess it. */
  readonly hash: Buffer;
  readonly limits: KeyLimits;
  /** Whether it may load and unload models, which everybody else feels. */
  readonly isAdmin: boolean;
}

/** What a new key may do. */
export interface KeyOptions extends KeyLimits {
  /** As {@link KeyRecord.isAdmin}. Default false. */
  readonly isAdmin?: boolean | undefined;
}

/** The metadata in which the gRPC service tells by whose key it let a call in: the key's id. */
export const KEY_ID_METADATA = 'x-linnet-key-id';

/** What ids of keys look like. */
export const KEY_ID = /^[a-z0-9-]{1,64}$/;

const KEY = /^linnet_([a-z0-9-]{1,64})_[\w-]{43}$/;
// Compared with where there is no such id, so that this takes as long as a wrong key does.
const NOBODY: Pick<KeyRecord, 'salt' | 'hash'> = { salt: randomBytes(16), hash: randomBytes(32) };

/** Makes a key, to be told once, and its record, to be kept. */
export function createKey(
  id: string,
  { isAdmin = false, ...limits }: KeyOptions,
): { readonly key: string; readonly record: KeyRecord } {
  const key = `linnet_${id}_${randomBytes(32).toString('base64url')}`;
  const salt = randomBytes(16);
  return { key, record: { id, salt, hash: hashOf(key, salt), limits, isAdmin } };
}

/** Reads the id out of a key; undefined where the text can be no key. It proves nothing. */
export function idOfKey(key: string): string | undefined {
  return KEY.exec(key)?.[1];
}

/** Tells whether a key is the one that the record is of. Takes as long for every key, and without a record. */
export function isKeyOf(record: KeyRecord | undefined, key: string): boolean {
  const { salt, hash } = record ?? NOBODY;
  return timingSafeEqual(hashOf(key, salt), hash) && record !== undefined;
}

/**
 * Finds the key that a request carries: `authorization: Bearer KEY`, else `x-api-key: KEY`.
 *
 * @param header reads a header or metadata by its name in lower case.
 */
export function findKey(header: (name: string) => string | undefined): string | undefined {
  const bearer = /^bearer +(\S+)$/i.exec(header('authorization') ?? '')?.[1];
  return bearer ?? (header('x-api-key') || undefined);
}

function hashOf(key: string, salt: Buffer): Buffer {
  return createHash('sha256').update(salt).update(key).digest();
}
