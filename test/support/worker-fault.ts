import { Session } from 'node:inspector/promises';

/**
 * Holds up the worker thread of this process, as a step that hangs does. There must be one worker.
 *
 * @returns resolves once the thread goes on.
 */
export function blockWorker(ms: number): Promise<void> {
  return runInWorker(`Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ${ms})`);
}

/** Holds up the worker thread in native code, from which nothing can tear it: for a second or more. */
export function blockWorkerForGood(): void {
  const iterations = 4_000_000;
  void runInWorker(
    `process.getBuiltinModule('node:crypto').pbkdf2Sync('a', 'b', ${iterations}, 64, 'sha512')`,
  ).catch(() => undefined);
}

/** Ends the worker thread of this process without a word, as a crash does. */
export function killWorker(): void {
  void runInWorker('process.exit(1)').catch(() => undefined);
}

/** Runs code in the worker thread by the debugger: there is no other way into a thread that computes. */
async function runInWorker(expression: string): Promise<void> {
  const session = new Session();
  session.connect();
  const attached = new Promise<string>((resolve) => {
    session.on('NodeWorker.attachedToWorker', ({ params }) => resolve(params.sessionId));
  });
  const answered = new Promise((resolve) => {
    session.on('NodeWorker.receivedMessageFromWorker', resolve);
    session.on('NodeWorker.detachedFromWorker', resolve);
  });
  await session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  const message = JSON.stringify({ id: 1, method: 'Runtime.evaluate', params: { expression } });
  await session.post('NodeWorker.sendMessageToWorker', { sessionId: await attached, message });
  await answered;
  session.disconnect();
}
