import { readFileSync } from 'node:fs';
import { memoryUsage, resourceUsage } from 'node:process';

/** Samples the heap until it is asked for the peaks: what JavaScript held, buffers included, and the whole process. */
export function watchMemory() {
  let heap = 0;
  const sample = () => {
    const { heapUsed, external } = memoryUsage();
    heap = Math.max(heap, heapUsed + external);
  };
  const timer = setInterval(sample, 20);
  return () => {
    clearInterval(timer);
    sample();
    return { heap, resident: residentPeak() };
  };
}

/** What the system calls the process's own peak may be that of its parent, before it became a process of ours. */
function residentPeak() {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
  } catch {
    return resourceUsage().maxRSS * 1024;
  }
}
