import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const entry = (name: string) => fileURLToPath(new URL(name, import.meta.url));

// The pages are files of their own and nothing inside them is a script or a style, so that the gateway can forbid all
// that is inline. Addresses are relative: a proxy may put the service below any path.
export default defineConfig({
  base: './',
  build: {
    outDir: '../../dist/page',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: ['chrome123', 'firefox121', 'safari17.5'],
    reportCompressedSize: false,
    rolldownOptions: { input: [entry('index.html'), entry('docs.html')] },
  },
  logLevel: 'warn',
});
