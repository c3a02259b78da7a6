import type { ChildProcess } from 'node:child_process';
import type { EngineAnswer, EngineAnswers, EngineQuestion } from './engine-message.js';

/** How long an engine may take for an answer. Milliseconds. */
const TIMEOUT_MS = 1000;

type Reader = (answer: EngineAnswers[EngineQuestion] | undefined) => void;

/** The questions that an engine process has been asked and has not answered; one answer is for all who asked. */
export class EngineQuestions {
  readonly #readers = new Map<EngineQuestion, Set<Reader>>();

  /** Asks the process; undefined where it does not run, or does not answer in time. */
  ask<Question extends EngineQuestion>(
    child: ChildProcess | undefined,
    question: Question,
  ): Promise<EngineAnswers[Question] | undefined> {
    return new Promise((resolve) => {
      if (child?.connected !== true) return resolve(undefined);
      const readers = this.#readers.get(question) ?? new Set<Reader>();
      this.#readers.set(question, readers);
      // The question's name is the map's key, so the answer is of its type.
      const read: Reader = (answer) => {
        clearTimeout(timer);
        readers.delete(read);
        resolve(answer as EngineAnswers[Question] | undefined);
      };
      const timer = setTimeout(read, TIMEOUT_MS, undefined);
      readers.add(read);
      child.send(question, (error) => error && this.#tell(question, undefined));
    });
  }

  /** An answer has come. */
  answer({ question, answer }: EngineAnswer): void {
    this.#tell(question, answer);
  }

  /** No answer will come any more. */
  end(): void {
    for (const question of this.#readers.keys()) this.#tell(question, undefined);
  }

  #tell(question: EngineQuestion, answer: Parameters<Reader>[0]): void {
    for (const read of this.#readers.get(question) ?? []) read(answer);
  }
}
