import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryBudget, type Resident } from '../../../src/engine/frontend/memory-budget.js';

const never = new AbortController().signal;

function budgetOf(limitBytes: number, options: { admitsOne?: boolean; waitLimitMs?: number } = {}) {
  return new MemoryBudget({ limitBytes, admitsOne: false, waitLimitMs: 20, ...options });
}

/** A model that a test makes idle or busy. */
class FakeModel implements Resident {
  readonly id: string;
  idleSinceMs: number | undefined;
  unloads = 0;
  readonly #budget: MemoryBudget;

  constructor(id: string, budget: MemoryBudget) {
    this.id = id;
    this.#budget = budget;
  }

  async unload(): Promise<void> {
    expect(this.idleSinceMs).toBeDefined();
    this.idleSinceMs = undefined;
    this.unloads++;
    await Promise.resolve();
    this.#budget.release(this);
  }

  reserve(bytes: number, signal = never): Promise<void> {
    return this.#budget.reserve(this, bytes, signal);
  }
}

describe('a memory budget', () => {
  it('unloads the model that has been idle longest, and no more than it must', async () => {
    const budget = budgetOf(10);
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((id) => new FakeModel(id, budget));
    for (const model of [a!, b!, c!]) await model.reserve(3);
    a!.idleSinceMs = 7;
    b!.idleSinceMs = 5;
    c!.idleSinceMs = 9;
    await d!.reserve(4);
    expect([a!, b!, c!].map(({ unloads }) => unloads)).toEqual([0, 1, 0]);
    expect([a!, b!, c!, d!].map((model) => budget.bytesOf(model))).toEqual([3, 0, 3, 4]);
  });

  it('unloads nobody where that would not make enough room', async () => {
    const budget = budgetOf(10);
    const [idle, busy, large] = ['idle', 'busy', 'large'].map((id) => new FakeModel(id, budget));
    await idle!.reserve(2);
    await busy!.reserve(6);
    idle!.idleSinceMs = 1;
    await expect(large!.reserve(5)).rejects.toMatchObject({
      reason: 'MODEL_LOAD_FAILED',
      retryAfterMs: expect.any(Number),
      message: expect.stringMatching(/no memory for model "large" now: idle, busy are in use/),
    });
    expect(idle!.unloads).toBe(0);
  });

  it('lets a model wait until another one is idle', async () => {
    const budget = budgetOf(10, { waitLimitMs: 10_000 });
    const [first, second] = ['first', 'second'].map((id) => new FakeModel(id, budget));
    await first!.reserve(8);
    const waiting = second!.reserve(8);
    first!.idleSinceMs = 1;
    budget.notify();
    await waiting;
    expect(budget.bytesOf(first!)).toBe(0);
  });

  it('ends the waiting when the signal aborts', async () => {
    const budget = budgetOf(10, { waitLimitMs: 10_000 });
    const [first, second] = ['first', 'second'].map((id) => new FakeModel(id, budget));
    await first!.reserve(8);
    const controller = new AbortController();
    const waiting = second!.reserve(8, controller.signal);
    controller.abort(new Error('closing'));
    await expect(waiting).rejects.toThrow('closing');
  });

  it('refuses at once what can never fit, and says what would help', async () => {
    const budget = budgetOf(3 * 2 ** 20);
    await expect(new FakeModel('large', budget).reserve(5 * 2 ** 20)).rejects.toThrow(
      /"large" takes about 5 MiB with its KV cache, and all models together may take 3 MiB\. Raise/,
    );
  });

  it('lets one in alone, whatever it takes, where the limit is nobody’s word', async () => {
    const budget = budgetOf(10, { admitsOne: true });
    const [small, large] = ['small', 'large'].map((id) => new FakeModel(id, budget));
    await small!.reserve(4);
    small!.idleSinceMs = 1;
    await large!.reserve(99);
    expect(small!.unloads).toBe(1);
    await expect(small!.reserve(1)).rejects.toMatchObject({ reason: 'MODEL_LOAD_FAILED' });
  });

  it('never sets aside more than there is, whatever comes', async () => {
    const step = fc.record({ model: fc.nat(4), bytes: fc.integer({ min: 1, max: 8 }), idle: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const budget = budgetOf(10, { waitLimitMs: 0 });
        const models = Array.from({ length: 5 }, (_, i) => new FakeModel(`${i}`, budget));
        const pending: Promise<unknown>[] = [];
        for (const [time, { model, bytes, idle }] of steps.entries()) {
          const resident = models[model]!;
          if (budget.bytesOf(resident) === 0) pending.push(resident.reserve(bytes).catch(() => {}));
          else if (idle) resident.idleSinceMs = time;
          await Promise.resolve();
          expect(models.reduce((sum, each) => sum + budget.bytesOf(each), 0)).toBeLessThanOrEqual(10);
        }
        await Promise.all(pending);
      }),
    );
  });
});
