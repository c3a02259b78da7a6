import type { EngineMessage, EngineQuestion } from './engine-message.js';

/** The process that forked this one. */
export interface ParentProcess {
  /** Sends a message, and resolves when it is on its way. A parent that is gone is none the wiser. */
  tell(message: EngineMessage): Promise<void>;
  /** Calls the listener with whatever it asks. */
  onQuestion(listener: (question: EngineQuestion) => void): void;
}

/** Finds the parent that this process has a channel to; undefined where a person or a supervisor has started it. */
export function connectToParent(target: NodeJS.Process): ParentProcess | undefined {
  const send = target.send?.bind(target);
  if (send === undefined) return undefined;
  return {
    tell: (message) => new Promise((resolve) => send(message, undefined, undefined, () => resolve())),
    onQuestion: (listener) => target.on('message', listener),
  };
}
