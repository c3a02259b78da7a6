// Leaves the page open while it streams, and tells what it holds: `npm run build`, then
// `node tools/page-soak.mjs [--minutes 60] [--marks 12] [--pause 2]`. It writes with the embedded model again and again, with
// so many seconds between two texts, and at each mark says what is left after a garbage collection. Exits with 1 where the
// last mark has a fifth more elements than the first, or its heap 2 MB more. Needs a Chromium, as the screenshots do.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { servePage } from './served-page.mjs';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    marks: { type: 'string', default: '12' },
    pause: { type: 'string', default: '2' },
  },
});
const durationMs = Number(values.minutes) * 60_000;
const markMs = durationMs / Number(values.marks);
const pauseMs = Number(values.pause) * 1000;

const { url, browser, close } = await servePage(['serve', '--grpc-port', '0', '--preload', '--threads', '1']);
const page = await browser.newPage();
const devtools = await page.context().newCDPSession(page);
await devtools.send('Performance.enable');
await page.goto(url);
await page.getByLabel('Compare').check();

const startedAt = performance.now();
const marks = [];
let numTexts = 0;
let numFailed = 0;
try {
  while (performance.now() - startedAt < durationMs) {
    await page.getByRole('button', { name: 'Write' }).click();
    // What the last text ended with is still there for a moment; a text may also be over before it is seen to begin.
    await page
      .getByText(/^(Waiting for the first token|Writing)$/)
      .first()
      .waitFor({ timeout: 2000 })
      .catch(() => undefined);
    await page
      // A machine that is busy enough may cost the gateway its connection to the engine: the page says so, and goes on.
      .getByText(/^(Length reached|The text has ended|Failed)$/)
      .nth(1)
      .waitFor({ timeout: 600_000 });
    numFailed += await page.getByText(/^Failed$/).count();
    numTexts += 2;
    await sleep(pauseMs);
    if (performance.now() - startedAt >= (marks.length + 1) * markMs) marks.push(await takeMark());
  }
} finally {
  await close();
}

const [first, last] = [marks.at(0), marks.at(-1)];
const isSteady = last.numNodes <= first.numNodes * 1.2 && last.heapMB <= first.heapMB + 2;
console.log(isSteady ? 'It holds no more than at the first mark.' : 'It holds more than at the first mark.');
process.exitCode = isSteady ? 0 : 1;

async function takeMark() {
  await devtools.send('HeapProfiler.collectGarbage');
  const { metrics } = await devtools.send('Performance.getMetrics');
  const value = (name) => metrics.find((metric) => metric.name === name)?.value ?? 0;
  const mark = {
    minutes: Number(((performance.now() - startedAt) / 60_000).toFixed(1)),
    numTexts,
    numFailed,
    heapMB: Number((value('JSHeapUsedSize') / 1e6).toFixed(2)),
    numNodes: value('Nodes'),
    numListeners: value('JSEventListeners'),
  };
  console.log(JSON.stringify(mark));
  return mark;
}
