import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { toEngineEnvironment } from '../../../src/cli/processes/engine-environment.js';

/** The most that a process's young generation may take, in MiB: three semi-spaces. */
function youngMib(environment: NodeJS.ProcessEnv): number {
  const script = `
    const held = Array.from({ length: 3e5 }, () => ({}));
    const space = require('node:v8').getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    console.log(held.length && space.space_size / 2 ** 20);`;
  const { stdout } = spawnSync(process.execPath, ['-e', script], { env: environment, encoding: 'utf8' });
  return Number(stdout);
}

describe('toEngineEnvironment', () => {
  it('bounds the young generation of the process, and the arenas of its threads', () => {
    const environment = toEngineEnvironment({ PATH: '/bin' });
    expect(environment).toMatchObject({ PATH: '/bin', MALLOC_ARENA_MAX: '2' });
    expect(youngMib(environment)).toBeLessThanOrEqual(6);
  });

  it("lets the parent's own choices hold", () => {
    const environment = toEngineEnvironment({
      MALLOC_ARENA_MAX: '8',
      NODE_OPTIONS: '--max-semi-space-size=16 --no-warnings',
    });
    expect(environment['MALLOC_ARENA_MAX']).toBe('8');
    expect(environment['NODE_OPTIONS']).toContain('--no-warnings');
    expect(youngMib(environment)).toBeGreaterThan(6);
  });
});
