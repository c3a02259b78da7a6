// Measures how smoothly the page scrolls through long texts, beside a page of the same height with nothing on it: `npm run
// build`, then `node tools/page-scroll.mjs [--tokens 5000] [--trace FOLDER]`. The texts are made up, so that they are the same
// each time, and longer than a model's; no engine is needed. Tells how long frames took, and how long the page's own thread
// worked for each. A trace, one file for each text, can be opened in Chromium's developer tools. Needs a Chromium, as the
// screenshots do.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SCROLL_THROUGH } from './scroll-through.mjs';
import { servePage } from './served-page.mjs';

const { values } = parseArgs({
  options: { tokens: { type: 'string', default: '5000' }, trace: { type: 'string' } },
});
const numTokens = Number(values.tokens);
const TRACED = ['devtools.timeline', 'disabled-by-default-devtools.timeline', 'blink', 'cc', 'toplevel'];

const { url, browser, close } = await servePage(['gateway', '--engine-address', '127.0.0.1:1']);
try {
  const height = await measure('lines of 60 tokens', (page) => write(page, 60));
  await measure('one line', (page) => write(page, Number.POSITIVE_INFINITY));
  await measure('nothing', (page) =>
    page.evaluate(`document.body.replaceChildren(); document.body.style.height = '${height}px'`),
  );
} finally {
  await close();
}

/** Measures what has been prepared, and returns its height. */
async function measure(name, prepare) {
  const context = await browser.newContext({ viewport: { width: 1180, height: 800 } });
  const page = await context.newPage();
  await page.goto(url);
  await prepare(page);
  // As it is while somebody reads: at the beginning, with the pointer over the text.
  await page.evaluate('scrollTo(0, 0)');
  await page.mouse.move(400, 500);
  await page.evaluate('new Promise((resolve) => requestIdleCallback(resolve))');
  const devtools = await context.newCDPSession(page);
  await devtools.send('Performance.enable');
  if (values.trace) {
    const path = join(values.trace, `${name.replaceAll(' ', '-')}.json`);
    await browser.startTracing(page, { path, categories: TRACED });
  }
  const before = await workMs(devtools);
  const times = await page.evaluate(SCROLL_THROUGH);
  const work = ((await workMs(devtools)) - before) / times.length;
  if (values.trace) await browser.stopTracing();
  const at = (share) => times[Math.floor(times.length * share)].toFixed(1);
  console.log(
    `${name}: ${times.length} frames, median ${at(0.5)} ms, 95 % ${at(0.95)} ms, longest ${times.at(-1).toFixed(1)} ms; ` +
      `work ${work.toFixed(1)} ms each`,
  );
  const height = await page.evaluate('document.documentElement.scrollHeight');
  await context.close();
  return height;
}

/** The time that the page's own thread has worked: what other processes take does not count. */
async function workMs(devtools) {
  const { metrics } = await devtools.send('Performance.getMetrics');
  return metrics.find(({ name }) => name === 'ThreadTime').value * 1000;
}

/** Writes a text of made-up tokens. */
async function write(page, perLine) {
  const body = toStream(perLine);
  await page.route('**/v1/completions', (route) => route.fulfill({ contentType: 'text/event-stream', body }));
  await page.getByRole('button', { name: 'Write' }).click();
  await page.getByText('Length reached').waitFor();
}

function toStream(perLine) {
  const events = Array.from({ length: numTokens }, (_, index) => {
    const name = index % perLine === perLine - 1 ? '\n' : ` ${'word'.repeat(1 + (index % 3)).slice(0, 7)}`;
    const top = Object.fromEntries([1, 2, 3, 4, 5].map((rank) => [` other${rank}`, -1 - rank]));
    const logprobs = { tokens: [name], token_logprobs: [-(index % 6)], top_logprobs: [top] };
    const finish_reason = index === numTokens - 1 ? 'length' : null;
    return `data: ${JSON.stringify({ choices: [{ text: name, logprobs, finish_reason }] })}\n\n`;
  });
  return `${events.join('')}data: [DONE]\n\n`;
}
