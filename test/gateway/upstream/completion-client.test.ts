import { status as Code } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { parseCompletionRequest } from '../../../src/gateway/completions/completion-request.js';
import { GatewayError } from '../../../src/gateway/errors/gateway-error.js';
import {
  type CompletionEvent,
  createCompletionClient,
} from '../../../src/gateway/upstream/completion-client.js';
import { EnginePool } from '../../../src/gateway/upstream/engine-pool.js';
import type { ScriptedCall } from '../../support/scripted-call.js';
import { ScriptedService } from '../../support/scripted-service.js';

const { generate: REQUEST } = parseCompletionRequest({ prompt: 'Once' });

let service: ScriptedService;
let engines: EnginePool;

beforeEach(async () => {
  service = await ScriptedService.start();
  engines = new EnginePool([service.address], { numChannels: 2 });
});

afterEach(() => {
  engines.close();
  service.stop();
});

function generate(signal = new AbortController().signal, cancelGraceMs = 1000) {
  return createCompletionClient(engines, { cancelGraceMs }).generate(REQUEST, { requestId: 'id', signal });
}

async function collect(events: AsyncIterable<CompletionEvent>): Promise<string[]> {
  const names: string[] = [];
  for await (const { $case } of events) names.push($case);
  return names;
}

/** Answers the first call one way and all others another way. */
function answerFirst(first: (call: ScriptedCall) => void, others: (call: ScriptedCall) => void): void {
  let numCalls = 0;
  service.answer = (call) => {
    numCalls += 1;
    if (numCalls === 1) first(call);
    else others(call);
  };
}

describe('CompletionClient', () => {
  it('streams the events in order', async () => {
    service.answer = (call) => call.complete('a', 'b');
    expect(await collect(generate())).toEqual(['accepted', 'delta', 'delta', 'finished']);
  });

  it.each([
    ['UNAVAILABLE', Code.UNAVAILABLE, 'Connection dropped'],
    ['RST_STREAM code 2', Code.INTERNAL, 'Received RST_STREAM with code 2 (Internal server error)'],
  ])('tries once more where %s ends a stream without text', async (_name, code, details) => {
    answerFirst(
      (call) => call.accept().failBare(code, details),
      (call) => call.complete('a'),
    );
    expect(await collect(generate())).toEqual(['accepted', 'accepted', 'delta', 'finished']);
  });

  it('does not try again where there was text', async () => {
    answerFirst(
      (call) => {
        call.accept().sendText('a');
        call.failBare(Code.UNAVAILABLE, 'Connection dropped');
      },
      (call) => call.complete('b'),
    );
    await expect(collect(generate())).rejects.toMatchObject({
      kind: { http: 503, openaiCode: 'engine_unavailable' },
    });
  });

  it('does not try again a second time, nor what the service itself refused', async () => {
    let numCalls = 0;
    service.answer = (call) => {
      numCalls += 1;
      call.failBare(Code.UNAVAILABLE, 'Connection dropped');
    };
    await expect(collect(generate())).rejects.toBeInstanceOf(GatewayError);
    expect(numCalls).toBe(2);
    service.answer = (call) => {
      numCalls += 1;
      call.fail({ reason: 'ENGINE_UNAVAILABLE', message: 'Draining.', retryAfterMs: 3000 });
    };
    await expect(collect(generate())).rejects.toMatchObject({
      message: 'Draining.',
      options: { retryAfterMs: 3000 },
    });
    expect(numCalls).toBe(3);
  });

  describe('of an engine whose queue is full', () => {
    /** Counts the calls that reach the engine, which refuses all; the clock stands still unless it is moved. */
    async function refuse(limit: string) {
      vi.useFakeTimers({ toFake: ['performance'] });
      onTestFinished(() => {
        vi.useRealTimers();
      });
      let numCalls = 0;
      service.answer = (call) => {
        numCalls += 1;
        const metadata = { limit, waitingRequests: '7' };
        call.fail({ reason: 'QUEUE_FULL', message: 'The queue is full.', metadata, retryAfterMs: 1000 });
      };
      const client = createCompletionClient(engines, { cancelGraceMs: 1000 });
      const { signal } = new AbortController();
      return async (apiKey?: string, model = '') => {
        const before = numCalls;
        await expect(
          collect(client.generate({ ...REQUEST, model }, { apiKey, signal })),
        ).rejects.toMatchObject({
          kind: { http: 429, openaiCode: 'queue_full' },
          options: { retryAfterMs: 1000, fields: { waiting_requests: 7 } },
        });
        return numCalls - before;
      };
    }

    it.each(['requests', 'wait'])('refuses the same caller by itself for a moment: %s', async (limit) => {
      const ask = await refuse(limit);
      expect(await ask()).toBe(1);
      expect(await ask()).toBe(0);
      vi.advanceTimersByTime(50);
      expect(await ask()).toBe(1);
    });

    it('asks for another key, and for another model: each has its own place in the queue', async () => {
      const ask = await refuse('requests');
      expect(await ask('alice')).toBe(1);
      expect(await ask('bob')).toBe(1);
      expect(await ask('alice', 'gpt2')).toBe(1);
      expect(await ask('alice')).toBe(0);
    });

    it.each(['tokens', 'share'])('asks again where another request may fare better: %s', async (limit) => {
      const ask = await refuse(limit);
      expect(await ask()).toBe(1);
      expect(await ask()).toBe(1);
    });

    it('asks again once the engine says that there is room', async () => {
      const ask = await refuse('wait');
      service.setServing('ready', false);
      await vi.waitFor(() => expect(engines.links[0]?.standing).toBe('full'));
      expect(await ask()).toBe(1);
      service.setServing('ready', true);
      await vi.waitFor(async () => expect(await ask()).toBe(1));
    });
  });

  it('throws the reason of its signal, and does not begin where that is aborted', async () => {
    const reason = new Error('enough');
    await expect(collect(generate(AbortSignal.abort(reason)))).rejects.toBe(reason);
    expect(service.numUntakenCalls).toBe(0);
    const controller = new AbortController();
    const events = collect(generate(controller.signal));
    const call = await service.nextCall();
    controller.abort(reason);
    await expect(events).rejects.toBe(reason);
    expect(await call.ended).toBe('cancelled');
  });

  it('yields nothing that comes after the abort', async () => {
    const controller = new AbortController();
    service.cancelMode = 'pretend';
    const seen: string[] = [];
    const reading = (async () => {
      for await (const { $case } of generate(controller.signal, 50)) {
        seen.push($case);
        if ($case === 'delta') controller.abort(new Error('enough'));
      }
    })();
    const call = await service.nextCall();
    call.accept().sendText('a');
    call.sendText('b');
    await expect(reading).rejects.toThrow('enough');
    expect(seen).toEqual(['accepted', 'delta']);
  });

  it('cancels the generation of a loop that is left', async () => {
    const left = (async () => {
      for await (const event of generate()) if (event.$case === 'delta') break;
    })();
    const call = await service.nextCall();
    call.accept().sendText('a');
    await left;
    expect(await call.ended).toBe('cancelled');
    expect(service.cancelKeys).toEqual([call.request.cancelKey]);
  });

  it('says where the engine should be when nobody is there', async () => {
    service.stop();
    await expect(collect(generate())).rejects.toMatchObject({
      message: expect.stringContaining(
        `no connection to the engine at ${service.address}; start one there with`,
      ),
      kind: { http: 503 },
    });
  });

  it('spreads calls over its connections', async () => {
    const peers = new Set<string>();
    service.answer = (call) => {
      peers.add(call.peer);
      call.complete('a');
    };
    for (let i = 0; i < 4; i += 1) await collect(generate());
    expect(peers.size).toBe(2);
  });
});
