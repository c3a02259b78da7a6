import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { GatewayMetrics } from '../../src/gateway/gateway-metrics.js';
import { ServiceMetrics } from '../../src/grpc/metrics/service-metrics.js';
import { joinExpositions } from '../../src/telemetry/exposition.js';
import { ROOT } from '../support/linnet-process.js';
import { Metrics } from '../support/metrics.js';
import { ScriptedEngine } from '../support/scripted-engine.js';

const TEXT = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');

describe('docs/operations.md', () => {
  it('tells of every metric, and of none that is not there', async () => {
    const service = new ServiceMetrics();
    service.watch(new ScriptedEngine());
    const gateway = new GatewayMetrics();
    gateway.watchEngines(() => []);
    const metrics = new Metrics(joinExpositions([await service.render(), await gateway.render()]));
    const exposed = [...metrics.types.keys()].filter((name) => !/^(process|nodejs)_/.test(name));
    const named = [
      ...TEXT.matchAll(/`((?:linnet_|vllm:|gen_ai_(?:server|client)_|http_server_|rpc_server_)[^` ]+)`/g),
    ];
    const documented = new Set(named.flatMap(([, name = '']) => expandBraces(name)));
    expect([...documented].toSorted()).toEqual(exposed.toSorted());
  });
});

/** `a{b,c}d` stands for `abd` and `acd`. */
function expandBraces(name: string): string[] {
  const match = /^(.*)\{(.+)\}(.*)$/.exec(name);
  if (match === null) return [name];
  const [, before = '', choices = '', after = ''] = match;
  return choices.split(',').map((choice) => before + choice + after);
}
