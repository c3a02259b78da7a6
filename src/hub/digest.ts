import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

const READ_BYTES = 2 ** 20;

/**
 * Computes a file's digest as the Hub's etags have it: SHA-256, or git's blob id, which is SHA-1 over a header and the
 * file.
 *
 * @param etag decides which by its length.
 */
export async function digestOf(file: FileHandle, size: number, etag: string): Promise<string> {
  const hash = etag.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
  const chunk = Buffer.allocUnsafe(READ_BYTES);
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(chunk.subarray(0, bytesRead));
    position += bytesRead;
  }
}
