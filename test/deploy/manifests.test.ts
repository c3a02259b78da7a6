import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SETTINGS } from '../../src/cli/settings/settings.js';
import { ROOT } from '../support/linnet-process.js';
import { hasCommand, hasPythonPackages, PYTHON, runProgram } from '../support/shell.js';

const CHART = join(ROOT, 'deploy/helm/linnet');
const HAS_HELM = hasCommand('helm');
const HAS_SCHEMAS = HAS_HELM && hasPythonPackages('kubernetes_validate');
const HAS_SYSTEMD = hasCommand('systemd-analyze');
const HAS_HAPROXY = hasCommand('haproxy');
/** Everything that can be switched on, and nothing of it. */
const ALL = [
  'autoscaling.enabled=true,serviceMonitor.enabled=true,apiKeys.existingSecret=keys',
  'networkPolicy.allowHub=true,engine.cache.existingClaim=claim,engine.env.LINNET_PRECISION=q8',
].join(',');
const NONE = 'podDisruptionBudget.enabled=false,networkPolicy.enabled=false';

async function render(values: string): Promise<string> {
  const args = ['template', 'linnet', CHART, '--kube-version', '1.37.0', '--set', values];
  const { code, stdout, stderr } = await runProgram('helm', args);
  expect(code, stderr).toBe(0);
  return stdout;
}

describe.skipIf(!HAS_HELM)(`the Helm chart${HAS_HELM ? '' : ' (helm is not installed)'}`, () => {
  it.each([ALL, NONE])('passes helm lint with %s', async (values) => {
    const { code, stdout } = await runProgram('helm', ['lint', '--strict', CHART, '--set', values]);
    expect(code, stdout).toBe(0);
  });

  it.skipIf(!HAS_SCHEMAS).each([ALL, NONE])(
    `is as Kubernetes' own schemas say with %s${HAS_SCHEMAS ? '' : ' (no Python with kubernetes-validate)'}`,
    async (values) => {
      const folder = mkdtempSync(join(tmpdir(), 'linnet-manifests-'));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const file = join(folder, 'manifests.yaml');
      writeFileSync(file, await render(values));
      const args = ['-m', 'kubernetes_validate', '-k', '1.37', '--strict', file];
      const { code, stdout, stderr } = await runProgram(PYTHON, args);
      expect(code, stdout + stderr).toBe(0);
      // Kinds of KEDA and the Prometheus operator are not Kubernetes' own.
      const unknown = [...(stdout + stderr).matchAll(/find schema for kind (\w+)/g)].map(([, kind]) => kind);
      expect(unknown.toSorted()).toEqual(
        values === ALL ? ['PodMonitor', 'ScaledObject', 'ServiceMonitor'] : [],
      );
    },
  );

  it('lets no pod run as root, or write but where it is told to', async () => {
    const manifests = await render(ALL);
    const count = (text: string) => manifests.split(text).length - 1;
    const numPods = count('kind: Deployment');
    expect(numPods).toBe(2);
    for (const line of [
      'runAsNonRoot: true',
      'readOnlyRootFilesystem: true',
      'allowPrivilegeEscalation: false',
    ]) {
      expect(count(line), line).toBe(numPods);
    }
  });

  it('refuses a value that it does not know, or that makes no sense', async () => {
    for (const value of ['engine.replica=2', 'engine.replicas=0', 'gateway.service.type=Extern']) {
      const { code, stderr } = await runProgram('helm', [
        'template',
        CHART,
        '--kube-version',
        '1.37.0',
        '--set',
        value,
      ]);
      expect(code).not.toBe(0);
      expect(stderr).toContain("don't meet the specifications of the schema");
    }
  });

  it('sets only variables that the command line reads', async () => {
    const variables = Object.values(SETTINGS).map(({ variable }) => variable);
    const names = [...(await render(ALL)).matchAll(/name: (LINNET_\w+)/g)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(5);
    expect(variables).toEqual(expect.arrayContaining(names));
  });
});

describe('the Dockerfile', () => {
  it('copies only what is there, and what its .dockerignore lets through', () => {
    const text = readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8');
    const passed = readFileSync(join(ROOT, 'deploy/Dockerfile.dockerignore'), 'utf8').split('\n');
    const copies = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files = '']) =>
      files.split(' '),
    );
    expect(copies.length).toBeGreaterThan(5);
    for (const file of copies) {
      expect(existsSync(join(ROOT, file)), file).toBe(true);
      expect(passed, file).toContain(`!${file.replace('./', '')}`);
    }
  });
});

describe.skipIf(!HAS_SYSTEMD)(
  `the systemd unit${HAS_SYSTEMD ? '' : ' (systemd-analyze is not installed)'}`,
  () => {
    const unit = join(ROOT, 'deploy/systemd/linnet.service');

    it('is one, and is confined', async () => {
      const { stdout, stderr } = await runProgram('systemd-analyze', ['security', '--offline=true', unit]);
      const exposure = /Overall exposure level for linnet\.service: ([\d.]+)/.exec(stdout)?.[1];
      expect(Number(exposure), stderr).toBeLessThan(2);
    });
  },
);

describe.skipIf(!HAS_HAPROXY)(
  `HAProxy's configuration${HAS_HAPROXY ? '' : ' (haproxy is not installed)'}`,
  () => {
    it('is accepted without a warning', async () => {
      const file = join(ROOT, 'deploy/haproxy/haproxy.cfg');
      const { code, stderr } = await runProgram('haproxy', ['-c', '-dW', '-f', file]);
      expect(code, stderr).toBe(0);
    });
  },
);
