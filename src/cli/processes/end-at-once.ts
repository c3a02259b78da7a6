/**
 * Ends this process by a signal, in spite of threads in native code: an exit would wait for them, or have the binding abort
 * in the middle of a call. Nothing of its memory is written to disk. The first process of a container can't get such a
 * signal from itself; it aborts.
 */
export function endAtOnce(signal: 'SIGALRM' | 'SIGKILL'): never {
  process.kill(process.pid, signal);
  return process.abort();
}
