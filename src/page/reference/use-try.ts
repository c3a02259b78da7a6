import { useEffect, useRef, useState } from 'preact/hooks';
import { sendRequest, type TryAnswer, type TryRequest } from './send-request.js';

/** A request that is tried, and what has come of it. */
export interface TryControl {
  readonly answer: TryAnswer | undefined;
  /** Why there is no answer, or no more of it. */
  readonly problem: string;
  readonly isRunning: boolean;
  send(request: TryRequest): void;
  stop(): void;
}

/** Gives a component a request of its own, which ends with it. */
export function useTry(): TryControl {
  const [answer, setAnswer] = useState<TryAnswer>();
  const [problem, setProblem] = useState('');
  const [isRunning, setRunning] = useState(false);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);

  const follow = async (request: TryRequest, { signal }: AbortController) => {
    try {
      for await (const part of sendRequest(request, signal)) {
        if (!signal.aborted) setAnswer(part);
      }
    } catch {
      if (!signal.aborted) setProblem('The service does not answer, or the connection broke.');
    }
    if (!signal.aborted) setRunning(false);
  };

  return {
    ...{ answer, problem, isRunning },
    send(request) {
      running.current?.abort();
      running.current = new AbortController();
      setAnswer(undefined);
      setProblem('');
      setRunning(true);
      void follow(request, running.current);
    },
    stop() {
      running.current?.abort();
      setRunning(false);
    },
  };
}
