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

function troubleOf({ error, isStuck }: ModelInfo): string | undefined {
  return (
    error ?? (isStuck ? 'The model makes no progress: its step takes longer than the limit.' : undefined)
  );
}
