import { fork } from 'node:child_process';
import { once } from 'node:events';

/**
 * Starts a script as a process that answers questions: it is asked `{ id, method, args }` and answers `{ id, result }` or
 * `{ id, error }` (see {@link answer}). `ready` is the first answer.
 */
export async function startChild(url, env = {}) {
  const child = fork(url, {
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1', ...env },
    serialization: 'advanced',
  });
  const waiting = new Map();
  let lastId = 0;
  child.on('message', (/** @type {any} */ { id, result, error }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  });
  const exited = once(child, 'exit').then(([code, signal]) => {
    for (const { reject } of waiting.values()) reject(new Error(`${url} ended with ${code ?? signal}.`));
  });
  return {
    /** Asks the child; rejects with what it throws, or if it ends. */
    ask(method, ...args) {
      return new Promise((resolve, reject) => {
        waiting.set(++lastId, { resolve, reject });
        child.send({ id: lastId, method, args });
      });
    },
    /** Lets the child close what it has; ends it where it doesn't in ten seconds. */
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.send({ id: 0, method: 'close', args: [] });
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Answers what the parent asks with the methods of that name; `close` is called at the end. */
export function answer(methods) {
  process.on('disconnect', () => process.exit());
  process.on('message', async ({ id, method, args }) => {
    if (method === 'close') {
      await methods.close?.();
      process.exit();
    }
    try {
      process.send({ id, result: await methods[method](...args) });
    } catch (error) {
      process.send({ id, error: error.stack ?? String(error) });
    }
  });
}
