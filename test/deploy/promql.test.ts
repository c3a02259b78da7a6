import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type LinnetProcess, ROOT, serve } from '../support/linnet-process.js';
import { hasCommand, runProgram } from '../support/shell.js';

const HAS_PROMETHEUS = hasCommand('promtool') && hasCommand('prometheus');
const ALERTS = join(ROOT, 'deploy/prometheus/alerts.yaml');

interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets: readonly { readonly expr: string }[];
  }[];
}
const { panels }: Dashboard = JSON.parse(readFileSync(join(ROOT, 'deploy/grafana/dashboard.json'), 'utf8'));
/** What Grafana puts in for its variables. */
const EXPRESSIONS = panels.flatMap(({ title, targets }) =>
  targets.map(({ expr }) => ({
    title,
    expr: expr.replaceAll('$model', '.*').replaceAll('$__rate_interval', '1m'),
  })),
);
/** The alerts' expressions, as promtool's own parser of rules has them. */
const ALERT_EXPRESSIONS = readAlerts(readFileSync(ALERTS, 'utf8'));

let folder: string;
let linnet: LinnetProcess;
let prometheus: ChildProcess;
let url: string;

beforeAll(async () => {
  if (!HAS_PROMETHEUS) return;
  folder = mkdtempSync(join(tmpdir(), 'linnet-prometheus-'));
  const started = await serve(['--preload']);
  linnet = started.linnet;
  const prompt = 'Once upon a time there was a little bird. '.repeat(12);
  const complete = async () => {
    const body = JSON.stringify({ prompt, max_tokens: 8 });
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${started.addresses.http}/v1/completions`, {
      method: 'POST',
      headers,
      body,
    });
    expect(response.status, await response.text()).toBe(200);
  };
  const port = await findFreePort();
  url = `http://127.0.0.1:${port}`;
  const target = started.addresses.http.replace('http://', '');
  const config = `global: { scrape_interval: 500ms, scrape_timeout: 400ms }
rule_files: ['${ALERTS}']
scrape_configs: [{ job_name: linnet, static_configs: [{ targets: ['${target}'] }] }]
`;
  writeFileSync(join(folder, 'prometheus.yml'), config);
  const args = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`];
  prometheus = spawn('prometheus', [...args, `--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
  // A rate needs a scrape before what it counts, one after, and samples of each series in between.
  await vi.waitFor(
    async () => {
      await complete();
      expect(await query('rate(linnet_generated_tokens_total[1m]) > 0')).not.toEqual([]);
    },
    { timeout: 60_000, interval: 500 },
  );
}, 120_000);
afterAll(async () => {
  if (!HAS_PROMETHEUS) return;
  linnet.kill('SIGKILL');
  prometheus.kill('SIGKILL');
  await Promise.all([linnet.end(), once(prometheus, 'exit')]);
  rmSync(folder, { recursive: true });
});

/** Asks the Prometheus that scrapes the service, through promtool; rejects what it can't parse. */
async function query(expr: string): Promise<readonly unknown[]> {
  const { code, stdout, stderr } = await runProgram('promtool', [
    'query',
    'instant',
    '--format=json',
    url,
    expr,
  ]);
  if (code !== 0) throw new Error(`${expr}: ${stderr}`);
  return JSON.parse(stdout);
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** The names of the metrics in an expression: words that neither are functions nor stand in braces or brackets. */
function metricsIn(expr: string): string[] {
  const bare = expr.replace(/\{[^}]*\}|\[[^\]]*\]|\b(?:by|on)\s*\([^)]*\)/g, '');
  return [...bare.matchAll(/\b(?!and\b|or\b|unless\b)[a-z_:]+\b(?!\s*\()/g)]
    .map(([name]) => name)
    .filter((name) => name.includes('_'));
}

function readAlerts(yaml: string): { title: string; expr: string }[] {
  return [...yaml.matchAll(/- alert: (\w+)\n +expr: (?:>-\n)?([\s\S]*?)\n +for:/g)].map(
    ([, title = '', expr = '']) => ({ title, expr: expr.replace(/\s+/g, ' ').trim() }),
  );
}

describe.skipIf(!HAS_PROMETHEUS)(
  `PromQL${HAS_PROMETHEUS ? '' : ' (prometheus and promtool are not installed)'}`,
  () => {
    it('of the alerts is accepted by promtool', async () => {
      const { code, stdout, stderr } = await runProgram('promtool', ['check', 'rules', ALERTS]);
      expect(code, stderr).toBe(0);
      expect(stdout).toContain(`SUCCESS: ${ALERT_EXPRESSIONS.length} rules found`);
    });

    // What never happened has no series; its metric is looked up by itself.
    it.each(EXPRESSIONS)(
      'of the dashboard finds something in a live scrape: $title, $expr',
      async ({ expr }) => {
        const isRare = /wasted|retries/.test(expr);
        if (!isRare) expect(await query(expr)).not.toEqual([]);
        else await query(expr);
      },
    );

    it.each(ALERT_EXPRESSIONS)(
      'of the alert $title can be computed, and is quiet where all is well',
      async ({ expr }) => {
        expect(await query(expr)).toEqual([]);
        for (const metric of metricsIn(expr)) {
          if (/wasted/.test(metric)) continue;
          expect(await query(metric), metric).not.toEqual([]);
        }
      },
    );
  },
);
