// Pulls a file of gpt2's full size (548 MB) from a local server: time and memory. `node bench/pull.mjs`
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startChild } from './support/child-process.mjs';
import { randomCheckpoint } from './support/random-checkpoint.mjs';

const PULL = new URL('./support/pull-process.mjs', import.meta.url);
const HUB = new URL('./support/file-hub.mjs', import.meta.url);
const MB = 1e6;

const scratch = mkdtempSync(join(tmpdir(), 'linnet-pull-'));
const hub = await startChild(HUB);
try {
  const directory = randomCheckpoint(join(scratch, 'gpt2'), 'gpt2', { withMasks: true });
  const endpoint = await hub.ask('start', directory);
  console.log('| pull | time | resident, peak | heap, peak |\n| --- | ---: | ---: | ---: |');
  await measure('nothing there before', 'fresh');
  await measure('everything there: only checked', 'fresh');
  await hub.ask('cutNextAfter', 274 * MB);
  await measure('cut after 274 MB', 'cut', 1);
  await measure('taken up there', 'cut');

  async function measure(name, cache, maxTries) {
    const child = await startChild(PULL);
    const { ms, resident, heap } = await child.ask('pull', endpoint, join(scratch, cache), maxTries);
    await child.close();
    const cells = [
      name,
      `${(ms / 1000).toFixed(1)} s`,
      ...[resident, heap].map((bytes) => `${Math.round(bytes / MB)} MB`),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
} finally {
  await hub.close();
  rmSync(scratch, { recursive: true });
}
