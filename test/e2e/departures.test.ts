import { isDeepStrictEqual } from 'node:util';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelLoad } from '../../src/engine/index.js';
import { CheckpointCopy } from '../support/checkpoint-copy.js';
import { complete, requestFor } from '../support/engine-under-test.js';
import { withEnoughTime } from '../support/enough-time.js';
import { type Linnet, startLinnet } from '../support/linnet.js';
import { readEvents, readStream } from '../support/sse.js';

const MAX_RUNNING = 4;

let checkpoint: CheckpointCopy;
let linnet: Linnet;
/** The lines of the service's log. */
const serviceLog: Record<string, unknown>[] = [];
beforeAll(async () => {
  checkpoint = new CheckpointCopy().lengthen(8);
  const engine = { models: [{ id: 'long', directory: checkpoint.directory }], maxRunning: MAX_RUNNING };
  const logger = pino({}, { write: (line: string) => serviceLog.push(JSON.parse(line)) });
  linnet = await startLinnet({ engine, server: { logger } });
  await linnet.engine.load();
});
afterAll(async () => {
  await linnet.close();
  checkpoint.remove();
});

let numPrompts = 0;

/** A prompt that shares its beginning with none before, so that nothing of it is computed yet. */
function newPrompt(length: number): number[] {
  numPrompts++;
  return Array.from({ length }, (_, position) => (numPrompts * 7919 + position * 104_729) % 50_000);
}

/** When a leaver leaves, how many others fill the engine then, and how long its prompt is. */
const PHASES = [
  { phase: 'waits for its place', numOthers: MAX_RUNNING - 1, promptLength: 1 },
  { phase: 'computes its prompt', numOthers: 0, promptLength: 900 },
  { phase: 'generates', numOthers: 0, promptLength: 1 },
];

describe('A request that is aborted', () => {
  const currentLoad = () => linnet.engine.models()[0]!.load;
  const numRequests = ({ runningRequests, waitingRequests }: ModelLoad) => runningRequests + waitingRequests;

  it.each(PHASES)(
    'frees its place before the step after the one under way, when it $phase',
    async ({ numOthers, promptLength }) => {
      const controller = new AbortController();
      const generate = (signal: AbortSignal, prompt: number[]) =>
        complete(linnet.engine, requestFor(prompt, { maxTokens: 100 }), signal).catch(() => undefined);
      const steady = requestFor(newPrompt(1), { maxTokens: 1000 });
      const others = Array.from({ length: numOthers }, () =>
        complete(linnet.engine, steady, controller.signal).catch(() => undefined),
      );

      // Every token of this stream is one step, and the load that is told with it is the load after that step.
      let numTokens = 0;
      let leaver: { controller: AbortController; loadBefore: ModelLoad; leftAt?: number } | undefined;
      const stepsToFree: number[] = [];
      for await (const event of linnet.engine.generate(steady, controller.signal)) {
        if (event.type !== 'delta') continue;
        numTokens += event.tokenIds.length;
        const load = currentLoad();
        if (leaver === undefined) {
          if (load.runningRequests <= numOthers) continue;
          leaver = { controller: new AbortController(), loadBefore: load };
          void generate(leaver.controller.signal, newPrompt(promptLength));
        } else if (leaver.leftAt === undefined) {
          const isWhereItBelongs = numOthers === 0 ? load.runningRequests === 2 : load.waitingRequests === 1;
          if (!isWhereItBelongs) continue;
          leaver.controller.abort();
          leaver.leftAt = numTokens;
        } else if (numRequests(load) === numRequests(leaver.loadBefore)) {
          expect(load).toEqual(leaver.loadBefore);
          stepsToFree.push(numTokens - leaver.leftAt);
          leaver = undefined;
          if (stepsToFree.length === 15) break;
        }
      }
      controller.abort();
      await Promise.all(others);
      expect(stepsToFree).toHaveLength(15);
      // The word to end takes its time to the worker, on a busy machine several steps: the least is what the engine needs.
      // The first of the two is under way when the request is aborted.
      expect(Math.min(...stepsToFree)).toBeLessThanOrEqual(2);
    },
  );
});

describe('A client of HTTP that goes away', () => {
  const post = (body: object, signal?: AbortSignal) => linnet.gateway.post(body, signal && { signal });
  const numRequests = async () => {
    const { load } = await linnet.model();
    return (load?.runningRequests ?? 0) + (load?.waitingRequests ?? 0);
  };
  const steady = { prompt: 'The future of AI is', max_tokens: 1500, temperature: 1.2, seed: 3, stream: true };
  const longer = { ...steady, max_tokens: 1900 };
  let steadyText: string;
  beforeAll(async () => {
    steadyText = (await readStream(await post(steady))).text;
  });

  it.each(PHASES.flatMap((phase) => [false, true].map((stream) => ({ ...phase, stream }))))(
    'frees its place while others go on, when it $phase (stream: $stream)',
    async ({ numOthers, promptLength, stream }) => {
      const end = new AbortController();
      // They outlast the steady one, so that nobody gets a place but by the leaver's going.
      // Held until the end: a response that nobody can read any more is cancelled.
      const others: Response[] = [];
      for (let i = 0; i < numOthers; i++) others.push(await post(longer, end.signal));
      let text = '';
      let isSteadyDone = false;
      const response = await post(steady, end.signal);
      const read = async () => {
        for await (const event of readEvents(response)) text += JSON.parse(event).choices[0].text;
        isSteadyDone = true;
      };
      const unrelated = read().catch(() => undefined);
      const before = await linnet.model();
      expect(before.load).toMatchObject({ runningRequests: 1 + numOthers, waitingRequests: 0 });

      // Left alone it would outlast the steady one.
      const leaver = new AbortController();
      const answer = post(
        { ...longer, prompt: newPrompt(promptLength), max_tokens: 1100, stream },
        leaver.signal,
      );
      answer.catch(() => undefined);
      while ((await numRequests()) === 1 + numOthers && !isSteadyDone);
      // The headers come when the prompt is about to be computed, the first chunk of text when it has been.
      if (stream && numOthers === 0) {
        const events = readEvents(await answer);
        if (promptLength === 1) await events.next();
      }
      leaver.abort();
      let after = await linnet.model();
      while (!isSteadyDone && !isDeepStrictEqual(after.load, before.load)) after = await linnet.model();
      expect(isSteadyDone).toBe(false);
      end.abort();
      await unrelated;
      for (const { body } of others) await body?.cancel().catch(() => undefined);
      expect(text).not.toBe('');
      expect(steadyText.startsWith(text)).toBe(true);
      while ((await numRequests()) > 0);
      expect(linnet.server.runningRequests).toBe(0);
    },
  );

  const SCORED = [
    { path: '/score', rpc: 'Score', toBody: (texts: number[][]) => ({ continuations: texts }) },
    {
      ...{ path: '/v1/completions', rpc: 'Generate' },
      toBody: (prompt: number[][]) => ({ prompt, echo: true, logprobs: 1, max_tokens: 0 }),
    },
  ];
  const SCORE_PHASES = [
    { phase: 'queue', numOthers: MAX_RUNNING, place: 'waitingRequests' as const },
    { phase: 'prefill', numOthers: 0, place: 'runningRequests' as const },
  ];

  it.each(SCORED.flatMap((scored) => SCORE_PHASES.map((phase) => ({ ...scored, ...phase }))))(
    'frees its places while $path scores texts for it, in the phase $phase',
    async ({ path, rpc, toBody, phase, numOthers, place }) => {
      // Held until the end: a response that nobody can read any more is cancelled.
      const others = await Promise.all(Array.from({ length: numOthers }, () => post(longer)));
      const before = await linnet.model();
      const numLines = serviceLog.length;
      const leaver = new AbortController();
      const asked = toBody(Array.from({ length: 100 }, () => newPrompt(900)));
      const answer = linnet.gateway.post(asked, { path, signal: leaver.signal });
      answer.catch(() => undefined);
      while ((await linnet.model()).load?.[place] !== 1);
      leaver.abort();
      await expect(answer).rejects.toThrow('aborted');
      while ((await numRequests()) > numOthers);
      if (numOthers === 0) expect((await linnet.model()).load).toEqual(before.load);
      // Had it come to its end, its line had no reason.
      const line = { rpc: `/linnet.v1.Completion/${rpc}`, reason: 'CANCELLED', phase };
      await expect.poll(() => serviceLog.slice(numLines)).toContainEqual(expect.objectContaining(line));
      for (const { body } of others) await body?.cancel();
      while ((await numRequests()) > 0);
      expect(linnet.server.runningRequests).toBe(0);
    },
  );

  it('leaves its line in the log', async () => {
    const leaver = new AbortController();
    const answer = await post({ ...steady, user: 'leaves' }, leaver.signal);
    const numLines = linnet.gateway.log.length;
    leaver.abort();
    await expect(answer.text()).rejects.toThrow();
    const lines = await linnet.gateway.logged(numLines + 1);
    expect(lines.at(-1)).toMatchObject({ path: '/v1/completions', status: 499 });
  });
});

describe('A request whose time is up', () => {
  it('is answered with 504, and frees its place', async () => {
    const request = { prompt: 'Hi', max_tokens: 1900, temperature: 1.2, seed: 3 };
    const { error, text } = await withEnoughTime(200, async (ms) => {
      const response = await linnet.gateway.post({ ...request, timeout_ms: ms });
      expect(response.status).toBe(504);
      const { error } = await response.json();
      if (error.phase !== 'decode') return undefined;
      const whole = await linnet.gateway.post({ ...request, max_tokens: error.completion_tokens });
      const text: string = (await whole.json()).choices[0].text;
      // A character that the deadline cut in two ends a text that is whole, and is not in one that is partial.
      return text.endsWith('\ufffd') ? undefined : { error, text };
    });
    expect(error).toMatchObject({ type: 'timeout_error', code: 'deadline_exceeded' });
    expect(error.message).toBe(
      `The deadline passed while the completion was generated, after ${error.completion_tokens} tokens.`,
    );
    expect(text).toBe(error.partial_text);
    while ((await linnet.model()).load?.runningRequests !== 0);
    expect(linnet.server.runningRequests).toBe(0);
  });
});
