/** What is known of an engine: it can be asked; its queue is full; nothing yet; it says, or seems, not to serve. */
export type EngineStanding = 'ready' | 'full' | 'unknown' | 'sick';

/** An engine, as far as the choice among several goes. */
export interface PickableEngine {
  readonly address: string;
  readonly standing: EngineStanding;
  /** How many choices of completions it owes. */
  readonly outstanding: number;
}

/** From the best to the worst: where none is well, the least bad one is asked, and says what is wrong. */
const STANDINGS: readonly EngineStanding[] = ['ready', 'full', 'unknown', 'sick'];

/** How much busier than the least busy engine the one with the warm prefix may be: this many times, and this much. */
const BUSIER_FACTOR = 1.25;
const BUSIER_MARGIN = 2;

/**
 * Picks the engine for a request: of those that stand best the least busy one, or the one that had prompts with the same
 * beginning before, unless that is much busier. Which that is follows from the beginning and the addresses alone
 * (rendezvous hashing): several gateways agree without a word, and an engine that comes or goes moves only its share.
 *
 * @param engines of those that are equally busy the first is picked.
 * @param prefix the beginning of the prompt; undefined where it is too short to be cached.
 * @returns undefined where there are no engines.
 */
export function pickEngine<T extends PickableEngine>(engines: readonly T[], prefix?: string): T | undefined {
  const best = STANDINGS.find((standing) => engines.some((engine) => engine.standing === standing));
  const candidates = engines.filter(({ standing }) => standing === best);
  const least = minBy(candidates, ({ outstanding }) => outstanding);
  if (prefix === undefined || least === undefined) return least;
  const prefixHash = hash(prefix);
  const warm = minBy(candidates, ({ address }) => mix(prefixHash ^ hash(address)));
  const limit = least.outstanding * BUSIER_FACTOR + BUSIER_MARGIN;
  return warm !== undefined && warm.outstanding <= limit ? warm : least;
}

function minBy<T>(items: readonly T[], measure: (item: T) => number): T | undefined {
  let found: T | undefined;
  let min = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const value = measure(item);
    if (value >= min) continue;
    found = item;
    min = value;
  }
  return found;
}

/** FNV-1a, over UTF-16 code units: 32 bits. */
function hash(text: string): number {
  let bits = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) bits = Math.imul(bits ^ text.charCodeAt(i), 0x01000193);
  return bits >>> 0;
}

/** The finalizer of MurmurHash3: one bit of difference changes about half of all. */
function mix(bits: number): number {
  let mixed = bits;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
