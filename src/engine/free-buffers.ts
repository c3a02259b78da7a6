import { MessageChannel } from 'node:worker_threads';

const { port1: nowhere } = new MessageChannel();
nowhere.close();

/**
 * Gives buffers' memory back at once, and leaves all views of them empty; each may be named once. What is left to the garbage
 * collector goes when it next runs, which may be long after the last request, and counts as growth of the heap until all
 * of that has been marked (docs/engine.md, "Garbage"). To transfer a buffer is the one way to let go of it, and a closed
 * port takes it, by the HTML standard, and drops it.
 */
export function freeBuffers(buffers: readonly ArrayBufferLike[]): void {
  nowhere.postMessage(undefined, buffers as ArrayBuffer[]);
}
