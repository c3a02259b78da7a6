import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERROR_CATALOGUE } from '../../src/contract/error-catalogue.js';
import { COMPLETION_FIELDS } from '../../src/gateway/completions/completion-fields.js';
import { REQUEST_ERROR_CATALOGUE } from '../../src/gateway/errors/request-error-catalogue.js';
import { OPENAPI } from '../support/documented.js';
import { ROOT } from '../support/linnet-process.js';

const PAGE = readFileSync(join(ROOT, 'docs/http.md'), 'utf8');

/** The rows of the page's table whose first column has this heading, as lists of cells. */
function tableOf(heading: string): string[][] {
  const [, rows = ''] = PAGE.split(`\n| ${heading} |`);
  const table = rows.slice(0, rows.indexOf('\n\n')).split('\n').slice(2);
  return table.map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const codesIn = (cell = '') => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);

describe('docs/http.md', () => {
  it('lists the fields of a completion request, and no others', () => {
    const fields = tableOf('field').flatMap(([names]) => codesIn(names));
    expect(fields.toSorted()).toEqual(Object.keys(COMPLETION_FIELDS.shape).toSorted());
  });

  it('lists every error with its status and type', () => {
    const listed = tableOf('status').flatMap(([status, codes, type]) =>
      codesIn(codes).map((code) => `${status} ${code} ${codesIn(type)[0]}`),
    );
    const kinds = [...Object.values(ERROR_CATALOGUE), ...Object.values(REQUEST_ERROR_CATALOGUE)];
    expect(listed.toSorted()).toEqual(
      kinds.map(({ http, openaiCode, type }) => `${http} ${openaiCode} ${type}`).toSorted(),
    );
  });

  it('lists the paths of the OpenAPI document', () => {
    const paths = tableOf('path').flatMap(([names]) =>
      codesIn(names).map((name) => name.replace(/^\w+ /, '')),
    );
    for (const path of paths) expect(Object.keys(OPENAPI.paths)).toContain(path);
  });
});
