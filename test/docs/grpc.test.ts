import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERROR_CATALOGUE } from '../../src/contract/error-catalogue.js';
import { EXAMPLE_CLIENTS } from '../support/clients.js';
import { type Example, obstacleTo, readExamples, runExample } from '../support/examples.js';
import { type LinnetAddresses, type LinnetProcess, ROOT, serve } from '../support/linnet-process.js';

const GUIDE = 'docs/grpc.md';
const guide = readExamples(GUIDE);
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

let linnet: LinnetProcess;
let addresses: LinnetAddresses;
beforeAll(async () => {
  ({ linnet, addresses } = await serve(['--log-level', 'warn']));
});
afterAll(async () => {
  linnet.kill('SIGTERM');
  expect(await linnet.end()).toBe(0);
});

function itRuns(example: Example, obstacle: string | undefined) {
  const skipped = obstacle === undefined ? '' : ` (skipped: ${obstacle})`;
  it.skipIf(obstacle !== undefined)(`${example.title}${skipped}`, async () => {
    const { code, stdout, stderr } = await runExample(example, addresses);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.trim()).not.toBe('');
  });
}

/** Tells whether a file has these lines, one after another, all as much further to the right. */
function hasLines(file: string, code: string): boolean {
  const text = `\n${read(file)}`;
  return ['', ...[2, 4, 6, 8, 10, 12].map((count) => ' '.repeat(count)), '\t', '\t\t'].some((indent) =>
    text.includes(`\n${code.replace(/^(?=.)/gm, indent)}`),
  );
}

describe('The guide to gRPC', () => {
  describe('has commands that work as they stand', () => {
    for (const example of guide.filter(({ remark }) => remark === 'run')) {
      itRuns(example, obstacleTo(example));
    }
  });

  it('has no code but that of the clients', () => {
    const snippets = guide.filter(({ remark }) => remark.startsWith('from '));
    const strange = snippets.filter(({ remark, code }) => !hasLines(remark.slice('from '.length), code));
    expect(strange.map(({ remark, code }) => `${remark}:\n${code}`)).toEqual([]);
    const numBlocks = read(GUIDE).match(/^```/gm)?.length;
    expect(guide).toHaveLength((numBlocks ?? 0) / 2);
  });

  it('shows each subject in each language', () => {
    const sections = read(GUIDE).split(/^## /m);
    for (const subject of ['Streaming', 'Deadlines', 'Cancelling', 'Errors', 'TLS']) {
      const section = sections.find((text) => text.startsWith(subject)) ?? '';
      const languages = [...section.matchAll(/^```(\w+) from/gm)].map(([, language]) => language);
      expect({ subject, languages: new Set(languages) }).toEqual({
        subject,
        languages: new Set(['python', 'go', 'java', 'ts', 'js']),
      });
    }
  });

  it.each(Object.entries(ERROR_CATALOGUE))('tells of the reason %s', (reason, { code }) => {
    expect(read(GUIDE)).toContain(`| \`${reason}\` | ${status[code]} | `);
  });
});

describe('The README of the client in', () => {
  for (const { name, directory, obstacle } of EXAMPLE_CLIENTS) {
    describe(name, () => {
      const examples = readExamples(`${directory}/README.md`);
      it('says how to build it', () => {
        expect(examples.map(({ language, remark }) => `${language} ${remark}`)).toEqual([
          'sh build',
          'sh run',
        ]);
      });
      for (const example of examples.filter(({ remark }) => remark === 'run')) itRuns(example, obstacle);
    });
  }
});
