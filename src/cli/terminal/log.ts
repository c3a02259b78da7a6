import { setLogger } from '@grpc/grpc-js';
import pc from 'picocolors';
import { type Logger, pino } from 'pino';
import type { Settings } from '../settings/settings.js';
import { isColorful } from './banner.js';
import { clearLineOf } from './status-line.js';

/** A structured log: an object of fields first, then a message in a whole sentence. */
export type Log = Logger;

/** One line of the log, as pino writes it. */
interface LogLine {
  readonly level: number;
  readonly time: number;
  readonly msg?: string;
  readonly err?: { readonly message: string; readonly stack?: string };
  readonly [field: string]: unknown;
}

/**
 * Makes the log of a process, on standard error: standard output is for what was asked for. JSON lines, except on a
 * terminal, which gets a line for people unless the settings ask for JSON.
 */
export function createLog(
  { logLevel: level, logFormat }: Pick<Settings, 'logLevel' | 'logFormat'>,
  process: NodeJS.Process,
): Log {
  const { stderr, env } = process;
  const inColor = isColorful(stderr, env);
  // Another process of ours may show a status line there.
  const start = clearLineOf(stderr, env);
  const destination =
    stderr.isTTY && logFormat === 'auto'
      ? { write: (line: string) => stderr.write(start + renderLine(JSON.parse(line), inColor)) }
      : pino.destination({ fd: 2, sync: true });
  const log = pino({ level, base: { pid: process.pid } }, destination);
  // What grpc-js prints by itself is also in the errors that it throws.
  const toDebug = (...parts: unknown[]) => log.debug({ source: 'grpc-js' }, parts.join(' '));
  setLogger({ error: toDebug, info: toDebug, debug: toDebug });
  return log;
}

/** Writes a log line for people: the time, the level where it is not the usual one, the message, then other fields. */
export function renderLine(line: LogLine, inColor: boolean): string {
  const { level, time, msg, err, pid: _, ...fields } = line;
  const colors = pc.createColors(inColor);
  const parts = [colors.dim(new Date(time).toTimeString().slice(0, 8))];
  const label = pino.levels.labels[level] ?? String(level);
  if (label !== 'info') parts.push((level >= 40 ? colors.red : colors.dim)(label));
  if (msg !== undefined) parts.push(msg);
  const rest = Object.entries(fields).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  if (rest.length > 0) parts.push(colors.dim(rest.join(' ')));
  const stack = err === undefined ? '' : `\n${colors.dim(err.stack ?? err.message)}`;
  return `${parts.join(' ')}${stack}\n`;
}
