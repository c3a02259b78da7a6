import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../support/linnet-process.js';

const guides = readdirSync(join(ROOT, 'docs')).filter((name) => name.endsWith('.md'));
const DOCUMENTS = [
  ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'bench/README.md'],
  ...guides.map((name) => `docs/${name}`),
];
const read = (document: string) => readFileSync(join(ROOT, document), 'utf8');

/** What GitHub calls a heading in an address. */
function toAnchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\s-]/g, '')
    .trim()
    .replaceAll(' ', '-');
}

function anchorsOf(document: string): string[] {
  return [...read(document).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => toAnchor(heading));
}

function brokenLinksOf(document: string): string[] {
  const links = [...read(document).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => {
    const [path, anchor] = link.split('#');
    const target = path ? join(dirname(document), path) : document;
    if (!existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && !anchorsOf(target).includes(anchor);
  });
}

describe('The documents', () => {
  it.each(DOCUMENTS)('have links that lead somewhere: %s', (document) => {
    expect(brokenLinksOf(document)).toEqual([]);
  });

  it('are all named in the README', () => {
    for (const name of guides) expect(read('README.md')).toContain(`(docs/${name})`);
  });

  it('begin with a README that takes five minutes to read', () => {
    const prose = read('README.md').replace(/^```[\s\S]*?^```$/gm, '');
    expect(prose.split(/\s+/).length).toBeLessThan(1200);
  });
});
