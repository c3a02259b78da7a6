import { Session } from 'node:inspector/promises';

/**
 * Holds up the worker thread of this process, as a step that hangs does, by the debugger: there is no other way into a
 * thread that computes. There must be one worker.
 *
 * @returns resolves once the thread goes on.
 */
export async function blockWorker(ms: number): Promise<void> {
  const session = new Session();
  session.connect();
  const attached = new Promise<string>((resolve) => {
    session.on('NodeWorker.attachedToWorker', ({ params }) => resolve(params.sessionId));
  });
  const answered = new Promise((resolve) => session.on('NodeWorker.receivedMessageFromWorker', resolve));
  await session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  const expression = `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${ms})`;
  const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } });
  await session.post('NodeWorker.sendMessageToWorker', { sessionId: await attached, message });
  await answered;
  session.disconnect();
}
