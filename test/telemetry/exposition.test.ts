import { Counter, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { joinExpositions } from '../../src/telemetry/exposition.js';
import { Metrics } from '../support/metrics.js';

async function expose(process: string, names: readonly string[]): Promise<string> {
  const registers = [new Registry()];
  for (const name of names) {
    new Counter({ name, help: `Counts ${name}.`, labelNames: ['process'], registers }).inc({ process }, 2);
  }
  return registers[0]!.metrics();
}

describe('joinExpositions', () => {
  it('describes once what several processes have, with the samples of all', async () => {
    const joined = joinExpositions([
      await expose('engine', ['both_total', 'engine_total']),
      await expose('gateway', ['gateway_total', 'both_total']),
    ]);
    const metrics = new Metrics(joined);
    expect([...metrics.types.keys()]).toEqual(['both_total', 'engine_total', 'gateway_total']);
    expect(metrics.value('both_total')).toBe(4);
    expect(metrics.value('both_total', { process: 'gateway' })).toBe(2);
  });

  it('leaves what one process exposes as it is', async () => {
    const text = await expose('engine', ['a_total', 'b_total']);
    expect(new Metrics(joinExpositions([text])).samples).toEqual(new Metrics(text).samples);
  });
});
