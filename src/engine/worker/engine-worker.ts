// The entry of a model's worker thread: loads the model, then steps while there is work. Computing blocks this thread
// and no other; commands are heard between steps.
import { getPriority, setPriority } from 'node:os';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { EngineError } from '../engine-error.js';
import type { GroupRequest } from '../scheduling/group-request.js';
import { type LoadedModel, loadModel } from './load-model.js';
import {
  type EngineCommand,
  toWireError,
  type WorkerEvent,
  type WorkerLoad,
  type WorkerOptions,
} from './messages.js';

const port = parentPort;
if (port === null) throw new Error('engine-worker runs as a worker thread only.');

const post = (event: WorkerEvent): void => port.postMessage(event);

/** How much less than others the threads that compute get of a busy processor. */
const NICENESS = 5;

/**
 * How long nothing runs until memory is given back that the next request could use at once: to touch it anew makes a prompt
 * of 900 tokens a tenth slower.
 */
const REST_AFTER_MS = 60_000;

// Of this thread and of those that it makes, which only Linux can tell apart: what speaks to callers needs little of the
// processors, but at once, also where steps take all of them.
if (process.platform === 'linux') setPriority(Math.max(getPriority(), NICENESS));

try {
  serve(await loadModel(workerData as WorkerOptions, (share) => post({ type: 'progress', share })), port);
} catch (error) {
  fail(error);
}

function serve(model: LoadedModel, port: MessagePort): void {
  const { core } = model;
  let numAdds = 0;
  let stepping = false;
  let closing = false;
  let rest: NodeJS.Timeout | undefined;

  async function stepWhileThereIsWork(): Promise<void> {
    if (stepping) return;
    stepping = true;
    clearTimeout(rest);
    for (hearAll(); core.hasWork && !closing; hearAll()) {
      const output = await core.step();
      post({ type: 'step', output, load: loadOf(model) });
    }
    stepping = false;
    post({ type: 'idle', numAdds, load: loadOf(model) });
    if (closing) await close();
    else rest = setTimeout(() => core.rest(), REST_AFTER_MS);
  }

  async function close(): Promise<void> {
    await model.release();
    port.close();
  }

  function add(request: GroupRequest): void {
    numAdds++;
    core.add(request);
    stepWhileThereIsWork().catch(fail);
  }

  function hear(command: EngineCommand): void {
    if (command.type === 'add') add(command.request);
    else if (command.type === 'abort') core.abort(command.id);
    else if (command.type === 'stop') core.stop(command);
    else {
      closing = true;
      // A step under way ends first: the session must not be released under it.
      stepWhileThereIsWork().catch(fail);
    }
  }

  /** Hears what came during the last step. The event loop would deliver it only when the next one has begun. */
  function hearAll(): void {
    for (;;) {
      const received = receiveMessageOnPort(port);
      if (received === undefined) return;
      hear(received.message);
    }
  }

  port.on('message', hear);
  post({ type: 'loaded', shape: model.shape, load: loadOf(model) });
}

function loadOf({ core, bytesPerPosition, maxCachedPositions }: LoadedModel): WorkerLoad {
  const { numRunning, numWaiting, numReservedPositions } = core.load;
  return {
    runningRequests: numRunning,
    waitingRequests: numWaiting,
    kvCacheUsedBytes: numReservedPositions * bytesPerPosition,
    kvCacheLimitBytes: maxCachedPositions * bytesPerPosition,
  };
}

/** Reports what ended this worker and lets it end. */
function fail(caught: unknown): void {
  post({ type: 'failed', error: toWireError(EngineError.from(caught)) });
  port?.close();
}
