import type { ListModelsResponse, Model } from '../../contract/gen/linnet/v1/models.js';
import { toState } from '../../gateway/status/models-route.js';
import { formatCount } from './model-summary.js';

const COLUMNS = ['MODEL', 'STATE', 'MEMORY', 'PARAMETERS', 'CONTEXT', 'PRECISION', 'RUNNING', 'WAITING'];

/** Writes models as a table, then what memory they have, then why some could not be loaded. Ends with a newline. */
export function renderModels({ models, memoryLimitBytes }: ListModelsResponse): string {
  const rows = [COLUMNS, ...models.map(toCells)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const taken = models.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0n);
  const errors = models.filter(({ error }) => error !== '').map(({ id, error }) => `${id}: ${error}`);
  return `${[...lines, '', `${formatMemory(taken)} of ${formatMemory(memoryLimitBytes)} are set aside.`, ...errors].join('\n')}\n`;
}

function toCells({ id, state, memoryBytes, config, load, loadingShare }: Model): string[] {
  const progress = loadingShare > 0 ? ` ${Math.floor(loadingShare * 100)} %` : '';
  return [
    id,
    toState(state) + progress,
    memoryBytes === 0n ? '-' : formatMemory(memoryBytes),
    config === undefined ? '-' : formatCount(Number(config.numParameters)),
    String(config?.contextLength ?? '-'),
    config?.precision ?? '-',
    String(load?.runningRequests ?? 0),
    String(load?.waitingRequests ?? 0),
  ];
}

function formatMemory(bytes: bigint): string {
  const mebibytes = Number(bytes) / 2 ** 20;
  return mebibytes >= 1024 ? `${(mebibytes / 1024).toFixed(1)} GiB` : `${Math.ceil(mebibytes)} MiB`;
}
