import type { Log } from '../terminal/log.js';

/** How a server ends. */
export interface Shutdown {
  /** Takes nothing more, and resolves when what runs has finished or its grace is over. */
  drain(): Promise<void>;
  /** Ends at once what would outlive this process, or keep it from its end. */
  force(): void;
}

// npm passes a Ctrl-C on that the terminal has already delivered to every process of the group, so one Ctrl-C can
// arrive twice.
const REPEAT_MS = 500;

/**
 * Ends the process at SIGTERM or SIGINT: drains it, then exits with 0. A second signal exits with 1 at once.
 *
 * @param target - the process whose signals count.
 */
export function shutDownOnSignal(shutdown: Shutdown, log: Log, target: NodeJS.Process): void {
  let drainingSince: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (drainingSince === undefined) {
      drainingSince = performance.now();
      log.info(`Got ${signal}: finishing what runs. A second one ends it at once.`);
      void drainAndExit(shutdown, log, target);
    } else if (performance.now() - drainingSince >= REPEAT_MS) {
      log.warn(`Got ${signal} again: ending at once.`);
      shutdown.force();
      target.exit(1);
    }
  };
  target.on('SIGINT', onSignal);
  target.on('SIGTERM', onSignal);
}

/**
 * Ends a process that another one of ours has forked: drains it when the parent asks (SIGTERM) or is gone, then exits
 * with 0. A terminal's Ctrl-C reaches the parent too, which decides when this process is to end.
 *
 * @param target - the process whose signals count.
 */
export function shutDownWithParent(shutdown: Shutdown, log: Log, target: NodeJS.Process): void {
  let isDraining = false;
  const begin = (): void => {
    if (isDraining) return;
    isDraining = true;
    void drainAndExit(shutdown, log, target);
  };
  target.on('SIGINT', () => undefined);
  target.on('SIGTERM', begin);
  target.on('disconnect', begin);
}

async function drainAndExit(shutdown: Shutdown, log: Log, target: NodeJS.Process): Promise<void> {
  try {
    await shutdown.drain();
    target.exit(0);
  } catch (error) {
    log.error({ err: error }, 'Draining failed.');
    shutdown.force();
    target.exit(1);
  }
}
