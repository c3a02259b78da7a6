import { describe, expect, it } from 'vitest';
import { ScriptedEngine } from './scripted-engine.js';
import { Watchdog } from './watchdog.js';

function createWatchdog(): Watchdog {
  return new Watchdog({ engine: new ScriptedEngine(), server: { runningRequests: 3 } as never });
}

describe('Watchdog', () => {
  it('tells what is open where the work does not end', async () => {
    const watchdog = createWatchdog();
    const work = async () => {
      await watchdog.follow('call 1', async (waitsFor) => waitsFor('its end'));
      await watchdog.follow('call 2', (waitsFor) => {
        waitsFor('its first message');
        return new Promise(() => undefined);
      });
    };
    await expect(watchdog.watch(work, 20)).rejects.toThrow(
      /^Not done after 20 ms. Waiting, 1: call 2: its first message.\nThe service runs 3 requests; the engine: \[/,
    );
  });

  it('gives what the work gives, and its error', async () => {
    const watchdog = createWatchdog();
    expect(await watchdog.watch(async () => 7)).toBe(7);
    await expect(watchdog.watch(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });
});
