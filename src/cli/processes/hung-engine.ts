import type { GrpcServer } from '../../grpc/server.js';
import type { Log } from '../terminal/log.js';
import { endAtOnce } from './end-at-once.js';
import type { ParentProcess } from './parent-process.js';

/** What of an engine process is told that it ends. */
export interface HungEngine {
  readonly server: Pick<GrpcServer, 'close'>;
  readonly parent: Pick<ParentProcess, 'tell'> | undefined;
  readonly log: Log;
}

/**
 * Ends this process, since the worker of a model holds cores and memory and nothing can end it alone. Every call gets its
 * error first. A supervisor starts another process: `linnet serve`, systemd, Kubernetes.
 */
export async function endHungEngine(model: string, { server, parent, log }: HungEngine): Promise<void> {
  log.fatal({ model }, 'The worker of the model hangs, so this process ends.');
  await server.close().catch((error) => log.error({ err: error }, 'Closing the service failed.'));
  await parent?.tell({ type: 'failed', message: `The worker of model "${model}" hung.` });
  // The signal of a timer that ran out: a supervisor can tell it from an end that it asked for. A shell says 142.
  endAtOnce('SIGALRM');
}
