import { reachesGoal } from './rows.mjs';

const COLUMNS = ['workload', 'system', 'precision', 'streams', 'variant', 'metric'];

/** Writes rows as a table for people. */
export function renderTable(rows) {
  if (rows.length === 0) return 'Nothing was measured: there was no time left.';
  const columns = COLUMNS.filter((column) => rows.some((row) => row[column] !== undefined));
  const lines = rows.map((row) => [
    ...columns.map((column) => String(row[column] ?? '')),
    `${format(row.value)} ${row.unit}`,
    row.rounds > 1 ? `${format(row.quartiles[0])} to ${format(row.quartiles[1])}` : '',
    goalOf(row),
  ]);
  const table = [[...columns, 'median', 'quartiles', 'goal'], ...lines];
  const widths = table[0].map((_, column) => Math.max(...table.map((line) => line[column].length)));
  return table
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A number with three or four digits that mean something. */
export function format(value) {
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 10 ? 1 : 2);
}

function goalOf(row) {
  if (row.goal === undefined) return '';
  const { atLeast, atMost } = row.goal;
  const goal = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;
  return `${goal}: ${reachesGoal(row) ? 'reached' : 'MISSED'}`;
}
