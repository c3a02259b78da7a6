// Preloaded by NODE_OPTIONS into every thread of an engine process: the worker's hangs once the file is there that
// LINNET_TEST_HANG names. The file is gone then, so the next process is well.
import { existsSync, rmSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const path = process.env['LINNET_TEST_HANG'];
if (!isMainThread && path !== undefined) {
  const hang = () => {
    if (!existsSync(path)) return;
    rmSync(path);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 120_000);
  };
  setInterval(hang, 10).unref();
}
