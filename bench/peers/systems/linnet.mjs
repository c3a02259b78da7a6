import { openEngine } from '../../support/engine-system.mjs';

/** Linnet's engine. */
export async function open({ directory, cacheDirectory, precision, numThreads }) {
  return { isConcurrent: true, ...(await openEngine({ directory, cacheDirectory, precision, numThreads })) };
}
