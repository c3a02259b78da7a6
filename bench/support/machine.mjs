import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

/** What the figures were measured on, in one line. */
export function machineLine() {
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const model = cpus()[0]?.model.trim() ?? process.arch;
  const { version } = readJson('../../node_modules/onnxruntime-node/package.json');
  const date = new Date().toISOString().slice(0, 10);
  return [
    `${availableParallelism()} cores, ${model}, ${memory}`,
    `Node ${process.versions.node}, ONNX Runtime ${version}`,
    date,
  ].join('; ');
}

/** How many processes wanted a core in the last minute: 0 is a quiet machine. */
export function loadAverage() {
  return loadavg()[0];
}

function readJson(path) {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
}
