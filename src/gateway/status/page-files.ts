import { fileURLToPath } from 'node:url';
import express, { type RequestHandler, type Response } from 'express';

/** Where the build puts the pages; beside `src` and `dist` alike. */
const ROOT = fileURLToPath(new URL('../../../dist/page', import.meta.url));

// All that a page loads comes from this service, and nothing in it is inline.
const PAGE_POLICY = [
  "default-src 'none'",
  ...["script-src 'self'", "style-src 'self'", "font-src 'self'", "img-src 'self'", "connect-src 'self'"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join('; ');

/** The pages that the build makes. */
type PageName = 'index' | 'docs';

/** Answers with a page. Browsers ask whether it has changed each time; what it loads never does. */
export function sendPage(response: Response, name: PageName): void {
  response.set({
    'content-security-policy': PAGE_POLICY,
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  });
  response.sendFile(`${name}.html`, { root: ROOT, cacheControl: false });
}

/** Answers with the page that shows the OpenAPI document. */
export const docsRoute: RequestHandler = (_request, response) => sendPage(response, 'docs');

/** Makes the handler for what the pages load. The name of each file changes with what is in it. */
export function createAssets(): RequestHandler {
  return express.static(`${ROOT}/assets`, { index: false, redirect: false, immutable: true, maxAge: '1y' });
}
