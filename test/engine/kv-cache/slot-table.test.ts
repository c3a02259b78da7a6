import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { capacitiesFor, type Occupant, SlotTable } from '../../../src/engine/kv-cache/slot-table.js';

interface Tenant extends Occupant {
  readonly name: number;
  numComputedTokens: number;
}

type Action = { kind: 'admit' | 'decode' | 'advance' | 'relocate' | 'release'; pick: number };

const action = fc.record({
  kind: fc.constantFrom<Action['kind']>('admit', 'decode', 'advance', 'advance', 'relocate', 'release'),
  pick: fc.nat(1000),
});

/** Follows the table's moves on an imaginary memory in which every slot holds its tenant's name. */
class Memory {
  readonly #slots = new Map<string, { name: number; length: number }>();

  apply(table: SlotTable<Tenant>): void {
    for (const move of table.takeMoves()) {
      if ('blocks' in move) throw new Error('Nothing is cached here.');
      const { from, to, numPositions } = move;
      const content = this.#slots.get(key(from));
      expect(content?.length).toBe(numPositions);
      this.#slots.set(key(to), { ...content! });
    }
  }

  write(tenant: Tenant): void {
    this.#slots.set(key(tenant.slot!), { name: tenant.name, length: tenant.numComputedTokens });
  }

  nameAt(tenant: Tenant): number | undefined {
    return this.#slots.get(key(tenant.slot!))?.name;
  }
}

function key({ classIndex, index }: { classIndex: number; index: number }): string {
  return `${classIndex}:${index}`;
}

describe('capacitiesFor', () => {
  it.each([
    [1024, [64, 128, 192, 256, 384, 512, 640, 768, 896, 1024]],
    [512, [64, 128, 192, 256, 384, 512]],
    [100, [64, 128]],
    [50, [64]],
    [20, [64]],
  ])('covers a context of %i with whole tiles', (contextLength, capacities) => {
    expect(capacitiesFor(contextLength)).toEqual(capacities);
  });
});

describe('SlotTable', () => {
  it('keeps decoding tenants contiguous from slot 0 and everybody with what is theirs, whatever happens', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const table = new SlotTable<Tenant>([64, 128, 256]);
        const memory = new Memory();
        const tenants: Tenant[] = [];
        const decoding = new Set<Tenant>();
        for (const { kind, pick } of actions) {
          const tenant = tenants[pick % Math.max(tenants.length, 1)];
          if (kind === 'admit') {
            const newcomer = { name: pick, slot: undefined, numComputedTokens: 0 };
            tenants.push(newcomer);
            table.admit(newcomer, 1);
          } else if (tenant === undefined) {
            continue;
          } else if (kind === 'decode' && !decoding.has(tenant)) {
            decoding.add(tenant);
            table.startDecoding(tenant);
          } else if (kind === 'advance' && tenant.numComputedTokens + 40 <= 256) {
            const needed = table.classIndexFor(tenant.numComputedTokens + 40);
            table.relocate(tenant, Math.max(tenant.slot!.classIndex, needed));
            memory.apply(table);
            tenant.numComputedTokens += 40;
            memory.write(tenant);
          } else if (kind === 'relocate') {
            table.relocate(tenant, Math.max(pick % 3, table.classIndexFor(tenant.numComputedTokens)));
          } else if (kind === 'release') {
            tenants.splice(tenants.indexOf(tenant), 1);
            decoding.delete(tenant);
            table.release(tenant);
            expect(tenant.slot).toBeUndefined();
          }
          checkPlaces(table, tenants, decoding);
        }
        memory.apply(table);
        for (const tenant of tenants) {
          if (tenant.numComputedTokens > 0) expect(memory.nameAt(tenant)).toBe(tenant.name);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('asks for no copy when the last one leaves or when somebody empty moves', () => {
    const table = new SlotTable<Tenant>([64]);
    const [a, b] = [0, 1].map((name) => ({ name, slot: undefined, numComputedTokens: 0 })) as [
      Tenant,
      Tenant,
    ];
    table.admit(a, 1);
    table.admit(b, 1);
    table.startDecoding(b);
    a.numComputedTokens = b.numComputedTokens = 5;
    table.takeMoves();
    table.release(a);
    expect(table.takeMoves()).toEqual([]);
  });

  it('refuses what no class holds', () => {
    expect(() => new SlotTable<Tenant>([64]).capacityFor(65)).toThrow(RangeError);
  });
});

function checkPlaces(table: SlotTable<Tenant>, tenants: Tenant[], decoding: Set<Tenant>): void {
  expect(table.classes.reduce((sum, { occupants }) => sum + occupants.length, 0)).toBe(tenants.length);
  for (const [classIndex, { occupants, numDecoding, capacity }] of table.classes.entries()) {
    for (const [index, occupant] of occupants.entries()) {
      expect(occupant.slot).toEqual({ classIndex, index });
      expect(decoding.has(occupant)).toBe(index < numDecoding);
      expect(occupant.numComputedTokens).toBeLessThanOrEqual(capacity);
    }
  }
}
