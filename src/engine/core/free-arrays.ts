import { MessageChannel } from 'node:worker_threads';

const { port1: nowhere } = new MessageChannel();
nowhere.close();

/**
 * Gives arrays' memory back at once, and leaves them empty, with every other view of their buffers; no two may share one. What
 * is left to the garbage collector counts as growth of the heap until all of that has been marked: with what a step
 * returns, megabytes, that is every few steps (docs/engine.md, "Garbage"). To transfer a buffer is the one way to let go of
 * it, and a closed port takes it, by the HTML standard, and drops it.
 */
export function freeArrays(arrays: readonly { readonly buffer: ArrayBufferLike }[]): void {
  nowhere.postMessage(
    undefined,
    arrays.map(({ buffer }) => buffer as ArrayBuffer),
  );
}
