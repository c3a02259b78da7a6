import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Holds up the worker thread of this process, as a step that hangs does. There must be one worker.
 *
 * @returns lets the thread go on, and resolves once it does.
 */
export function blockWorker(): () => Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'linnet-block-'));
  const release = join(folder, 'release');
  const cell = 'new Int32Array(new SharedArrayBuffer(4))';
  const exists = `process.getBuiltinModule('node:fs').existsSync(${JSON.stringify(release)})`;
  const blocked = runInWorker(`while (!${exists}) Atomics.wait(${cell}, 0, 0, 10)`);
  const goOn = async () => {
    writeFileSync(release, '');
    await blocked;
    rmSync(folder, { recursive: true });
  };
  let released: Promise<void> | undefined;
  return () => {
    released ??= goOn();
    return released;
  };
}

/**
 * Throws in the worker thread of this process, where nothing catches it: between two steps, since a thread that is torn
 * out of native code may take the process with it.
 */
export function crashWorker(): void {
  void runInWorker("setImmediate(() => { throw new Error('A fault of the test.') })").catch(() => undefined);
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
