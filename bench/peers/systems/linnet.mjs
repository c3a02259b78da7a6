import { openEngine } from '../../support/engine-system.mjs';

/** Linnet's engine; of its two precisions with 8 bits the default one. */
export async function open({ directory, cacheDirectory, precision, numThreads }) {
  const own = precision === 'q8' ? 'i8' : precision;
  return {
    isConcurrent: true,
    ...(await openEngine({ directory, cacheDirectory, precision: own, numThreads })),
  };
}
