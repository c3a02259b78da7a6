import { type ChildProcess, fork } from 'node:child_process';
import type { ModelInfo } from '../../engine/index.js';
import { CliError } from '../cli-error.js';
import type { Log } from '../terminal/log.js';
import type { EngineAnswers, EngineMessage, EngineQuestion } from './engine-message.js';
import { EngineQuestions } from './engine-questions.js';

/** How to run an engine process. */
export interface EngineProcessOptions {
  /** The script to fork. */
  readonly script: string | URL;
  /** The arguments of the script. */
  readonly args: readonly string[];
  /** The environment of the process, whole. */
  readonly environment: Readonly<NodeJS.ProcessEnv>;
  /** How long the process may take to end after it was asked to. Milliseconds. */
  readonly endTimeoutMs: number;
  readonly log: Log;
  /** The wait before the first restart; it doubles up to sixty times that. Default 500. Milliseconds. */
  readonly restartDelayMs?: number;
}

/** What is known once the engine process can be used. */
export interface EngineStart {
  /** The port of the gRPC service, the same after every restart. */
  readonly port: number;
  /** Resolves when the models that were to be loaded are; rejects with CliError where that failed. */
  readonly ready: Promise<readonly ModelInfo[]>;
}

const MAX_DELAY_FACTOR = 60;
/** A process that ran this long had no trouble starting: its next restart is quick again. */
const STEADY_MS = 60_000;

/**
 * An engine in a process of its own, so that HTTP and the engine never share an event loop. Started again, on the same
 * port, whenever it ends without having been asked to; until it was ready for the first time an end is final.
 */
export class EngineProcess {
  readonly #options: EngineProcessOptions;
  #child: ChildProcess | undefined;
  #port = 0;
  #wasReady = false;
  #isEnding = false;
  #restarts = 0;
  #restartTimer: NodeJS.Timeout | undefined;
  readonly #questions = new EngineQuestions();

  constructor(options: EngineProcessOptions) {
    this.#options = options;
  }

  /**
   * Starts the process and resolves once its gRPC service listens.
   *
   * @throws CliError where it can't start.
   */
  start(): Promise<EngineStart> {
    return new Promise((resolve, rejectStart) => {
      const ready = new Promise<readonly ModelInfo[]>((resolveReady, rejectReady) => {
        this.#launch({
          onListening: () => resolve({ port: this.#port, ready }),
          onReady: resolveReady,
          onFailed: (error) => {
            rejectStart(error);
            rejectReady(error);
          },
        });
      });
      // Whoever waits for the start may never look at it.
      ready.catch(() => undefined);
    });
  }

  /** Asks the process to finish what runs, and resolves when it has ended; ends it by force after the time limit. */
  async end(): Promise<void> {
    this.#isEnding = true;
    clearTimeout(this.#restartTimer);
    const child = this.#child;
    if (child === undefined) return;
    const ended = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), this.#options.endTimeoutMs);
    await ended;
    clearTimeout(timer);
  }

  /** Asks the process for its metrics or its load; undefined where it does not run, or does not answer in time. */
  ask<Question extends EngineQuestion>(question: Question): Promise<EngineAnswers[Question] | undefined> {
    return this.#questions.ask(this.#child, question);
  }

  /** Ends the process at once. */
  kill(): void {
    this.#isEnding = true;
    clearTimeout(this.#restartTimer);
    this.#child?.kill('SIGKILL');
  }

  #launch(first: FirstStart): void {
    const { script, args, environment } = this.#options;
    const child = fork(script, args, {
      env: { ...environment, ...(this.#port !== 0 && { LINNET_GRPC_PORT: String(this.#port) }) },
      // Models carry dates.
      serialization: 'advanced',
    });
    this.#child = child;
    const startedAt = performance.now();
    let failure: string | undefined;
    child.on('message', (message: EngineMessage) => {
      if (message.type === 'failed') failure = message.message;
      else this.#onProgress(message, first);
    });
    child.once('error', (error) => {
      failure = `The engine process can't be run: ${error.message}.`;
    });
    // `close` comes after the channel's last message, also where the process could not be run at all.
    child.once('close', (code, signal) => {
      this.#child = undefined;
      this.#questions.end();
      if (this.#isEnding) return;
      const end = failure ?? `The engine process ended by itself (${signal ?? `exit code ${code}`}).`;
      if (!this.#wasReady) return first.onFailed(new CliError(end));
      if (performance.now() - startedAt > STEADY_MS) this.#restarts = 0;
      this.#restartLater(end, first);
    });
  }

  #onProgress(message: Exclude<EngineMessage, { type: 'failed' }>, first: FirstStart): void {
    if (message.type === 'answer') {
      this.#questions.answer(message);
    } else if (message.type === 'listening') {
      this.#port = message.port;
      first.onListening();
    } else {
      if (this.#wasReady) this.#options.log.info('The engine is ready again.');
      this.#wasReady = true;
      first.onReady(message.models);
    }
  }

  #restartLater(reason: string, first: FirstStart): void {
    const base = this.#options.restartDelayMs ?? 500;
    const delayMs = base * Math.min(2 ** this.#restarts, MAX_DELAY_FACTOR);
    this.#restarts += 1;
    this.#options.log.error({ restartInMs: delayMs }, `${reason} It is started again.`);
    this.#restartTimer = setTimeout(() => this.#launch(first), delayMs);
  }
}

/** Who waits for the first start. After it, calling these again does nothing. */
interface FirstStart {
  onListening(): void;
  onReady(models: readonly ModelInfo[]): void;
  onFailed(error: CliError): void;
}
