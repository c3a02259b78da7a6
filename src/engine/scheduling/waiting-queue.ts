import type { SequenceGroup } from './sequence-group.js';

/**
 * The requests that wait, or of which some sequences do. Tenants take turns, each with its oldest request, so that one
 * that asks for much delays the others by one turn in each round. A request that got places for some of its sequences
 * goes behind its tenant's others, so that those of many hold up nobody for long. What may come in is decided before.
 */
export class WaitingQueue {
  /** Each tenant's requests; the tenant whose turn is next comes first. */
  readonly #byTenant = new Map<string, SequenceGroup[]>();

  /** How many requests wait of which nothing runs yet. */
  get numNew(): number {
    let count = 0;
    for (const groups of this.#byTenant.values()) {
      for (const { isNew } of groups) if (isNew) count += 1;
    }
    return count;
  }

  /** Queues a request. */
  add(group: SequenceGroup): void {
    const { tenant } = group.request;
    const groups = this.#byTenant.get(tenant);
    if (groups === undefined) this.#byTenant.set(tenant, [group]);
    else groups.push(group);
  }

  /** The first request, in the order of turns, for which this holds. */
  find(predicate: (group: SequenceGroup) => boolean): SequenceGroup | undefined {
    for (const groups of this.#byTenant.values()) {
      const found = groups.find(predicate);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Sequences of a request got their places: its tenant's next turn, and that of its others, come after everybody's. */
  passTurn(group: SequenceGroup): void {
    this.remove(group);
    const { tenant } = group.request;
    const groups = this.#byTenant.get(tenant) ?? [];
    this.#byTenant.delete(tenant);
    if (group.isWaiting) groups.push(group);
    if (groups.length > 0) this.#byTenant.set(tenant, groups);
  }

  /** Takes a request out, if it is there. */
  remove(group: SequenceGroup): void {
    const { tenant } = group.request;
    const groups = this.#byTenant.get(tenant);
    const index = groups?.indexOf(group) ?? -1;
    if (groups === undefined || index < 0) return;
    groups.splice(index, 1);
    if (groups.length === 0) this.#byTenant.delete(tenant);
  }
}
