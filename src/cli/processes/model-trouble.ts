import type { Engine, ModelInfo } from '../../engine/index.js';
import type { Log } from '../terminal/log.js';

/** Logs what goes wrong with a model, once, and that it is over. */
export function logModels(engine: Engine, log: Log): void {
  const troubles = new Map<string, string>();
  engine.onStateChange((info) => {
    const { id: model } = info;
    const trouble = troubleOf(info);
    if (trouble === troubles.get(model)) return;
    if (trouble === undefined) {
      troubles.delete(model);
      log.info({ model }, 'The model serves again.');
    } else {
      troubles.set(model, trouble);
      log.error({ model }, trouble);
    }
  });
}

/**
 * Ends this process at once, since a model's worker holds cores and memory and can't be ended. A supervisor starts another
 * one: `linnet serve`, systemd, Kubernetes. Nothing less than SIGKILL will do, because an exit waits for all threads.
 */
export function endByForce(model: string, log: Log): void {
  log.fatal({ model }, 'The worker of the model hangs and can not be ended, so this process ends.');
  process.kill(process.pid, 'SIGKILL');
}

function troubleOf({ error, isStuck }: ModelInfo): string | undefined {
  return (
    error ?? (isStuck ? 'The model makes no progress: its step takes longer than the limit.' : undefined)
  );
}
