import { MessageChannel } from 'node:worker_threads';

const { port1: nowhere } = new MessageChannel();
nowhere.close();

/**
 * Gives an array's memory back at once; the array is empty from then on, like every other view of its buffer. What is left
 * to the garbage collector counts as growth of the heap until all of that has been marked: a step's logits are megabytes, so
 * that is every few steps (docs/engine.md, "Garbage"). To transfer the buffer is the one way to let go of it, and
 * a closed port takes it, by the HTML standard, and drops it.
 */
export function freeArray(array: Float32Array<ArrayBuffer>): void {
  nowhere.postMessage(undefined, [array.buffer]);
}
