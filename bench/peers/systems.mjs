import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { writeGguf } from '../support/gguf.mjs';
import { isExported, writeOnnxExport } from '../support/onnx-export.mjs';

/** Who is measured, by the module of its adapter, at which precisions, and what it reads. */
export const SYSTEMS = [
  { name: 'linnet', module: 'linnet', precisions: ['f32', 'q8', 'q4'], write: async () => ({}) },
  {
    name: 'node-llama-cpp',
    module: 'node-llama-cpp',
    precisions: ['f32', 'q8', 'q4'],
    async write({ directory, folder }, precision) {
      const gguf = join(folder, `${precision}.gguf`);
      if (!existsSync(gguf)) await writeGguf(gguf, directory, precision);
      return { gguf };
    },
  },
  {
    name: 'transformers.js',
    module: 'transformers',
    precisions: ['f32', 'q8'],
    async write({ directory, folder }, precision) {
      const onnx = join(folder, `onnx-${precision}`);
      if (!isExported(onnx, precision)) writeOnnxExport(onnx, directory, precision);
      return { onnx };
    },
  },
];

/** What writes the systems' files. */
const WRITERS = new URL('../support/', import.meta.url);

/** The folder for what is made of a checkpoint: another one when the checkpoint changes, or what writes. */
export function folderFor(cache, directory) {
  const { size, mtimeMs } = statSync(join(directory, 'model.safetensors'));
  const name = `peers-${basename(directory)}-${size}-${Math.floor(mtimeMs)}-${hashOf(WRITERS)}`;
  const folder = join(cache, name);
  mkdirSync(folder, { recursive: true });
  return folder;
}

function hashOf(folder) {
  const hash = createHash('sha256');
  for (const name of readdirSync(folder).sort()) hash.update(readFileSync(new URL(name, folder)));
  return hash.digest('hex').slice(0, 8);
}
