import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ROOT } from '../support/linnet-process.js';

const SOURCE = 'export const answer: number = 42;\n';

/** Makes a project with one source file; its packages are this repository's, or none. */
function createProject({ installed }: { installed: boolean }): string {
  const project = mkdtempSync(join(tmpdir(), 'linnet-prepare-'));
  onTestFinished(() => rmSync(project, { recursive: true }));
  for (const file of [
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'tools/prepare.mjs',
    'src/page/vite.config.ts',
  ]) {
    cpSync(join(ROOT, file), join(project, file));
  }
  for (const page of ['index', 'docs']) {
    writeFileSync(join(project, `src/page/${page}.html`), '<p>A page</p>\n');
  }
  writeFileSync(join(project, 'src/answer.ts'), SOURCE);
  if (installed) symlinkSync(join(ROOT, 'node_modules'), join(project, 'node_modules'));
  return project;
}

async function prepare(project: string, args: readonly string[] = [], environment: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [...args, 'tools/prepare.mjs'], {
    cwd: project,
    env: { ...process.env, ...environment },
  });
  const code = new Promise((resolve) => child.once('close', resolve));
  const output = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, output: output.join('') };
}

/** Sets a file's time after that of the last build. */
function touch(path: string): void {
  const later = new Date(Date.now() + 5000);
  utimesSync(path, later, later);
}

describe('prepare', () => {
  it('builds once, then has nothing to do or to say', async () => {
    const project = createProject({ installed: true });
    const first = await prepare(project);
    expect(first).toMatchObject({
      code: 0,
      output: expect.stringMatching(/^Building \.\.\.\nBuilt in [\d.]+ s\.\n$/),
    });
    const builtAt = statSync(join(project, 'dist/answer.js')).mtimeMs;
    expect(await prepare(project)).toEqual({ code: 0, output: '' });
    expect(statSync(join(project, 'dist/answer.js')).mtimeMs).toBe(builtAt);
  });

  it('builds again when a source changes or goes', async () => {
    const project = createProject({ installed: true });
    await prepare(project);
    touch(join(project, 'src/answer.ts'));
    expect((await prepare(project)).output).toContain('Built');
    await prepare(project);
    touch(join(project, 'src'));
    expect((await prepare(project)).output).toContain('Built');
  });

  it('fails in every run until the source is mended', async () => {
    const project = createProject({ installed: true });
    writeFileSync(join(project, 'src/answer.ts'), 'export const answer: string = 42;\n');
    for (let run = 0; run < 2; run++) {
      const { code, output } = await prepare(project);
      expect(code).toBe(1);
      expect(output).toMatch(/src\/answer\.ts.*TS2322/);
      expect(output).toMatch(
        /linnet: The build failed; the lines above say where\. Mend that, then run this again\.\n/,
      );
    }
    writeFileSync(join(project, 'src/answer.ts'), SOURCE);
    expect((await prepare(project)).code).toBe(0);
  });

  it('builds once where two run at the same time', async () => {
    const project = createProject({ installed: true });
    const runs = await Promise.all([prepare(project), prepare(project)]);
    expect(runs.map(({ code }) => code)).toEqual([0, 0]);
    expect(runs.filter(({ output }) => output.includes('Built'))).toHaveLength(1);
  });

  it('takes over from a run that was killed', async () => {
    const project = createProject({ installed: true });
    const { stdout: goneId } = spawnSync(process.execPath, ['-p', 'process.pid'], { encoding: 'utf8' });
    mkdirSync(join(project, 'dist/.preparing'), { recursive: true });
    writeFileSync(join(project, 'dist/.preparing/pid'), goneId);
    expect((await prepare(project)).code).toBe(0);
  });

  it('says what to do where the registry can not be reached', async () => {
    const project = createProject({ installed: false });
    const environment = {
      npm_config_registry: 'http://127.0.0.1:9',
      npm_config_fetch_retries: '0',
      npm_config_cache: join(project, 'cache'),
    };
    const { code, output } = await prepare(project, [], environment);
    expect(code).toBe(1);
    expect(output).toMatch(/^Installing packages \(once, about a minute\) \.\.\.\n/);
    expect(output).toMatch(
      /linnet: Packages could not be installed: the npm registry can't be reached \(ECONNREFUSED\)\. Check the network/,
    );
  });

  it('says which Node it needs on an older one', async () => {
    const project = createProject({ installed: false });
    const older =
      'data:text/javascript,Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.18.9" } })';
    const { code, output } = await prepare(project, ['--import', older]);
    expect(code).toBe(1);
    expect(output).toBe(
      '\nlinnet: Node 20.19 or newer is needed; this is 20.18.9. Install it, then run this again.\n\n',
    );
  });
});
