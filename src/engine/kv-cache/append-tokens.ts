import { copyRuns, type Runs } from './copy-runs.js';
import { type KvLanes, TILE_POSITIONS } from './kv-part.js';

/** New tokens of one row. */
export interface NewTokens {
  /** Where they begin. */
  readonly position: number;
  readonly numNewTokens: number;
}

/** Writes what is new of a part behind what a row has: each lane from where it lies by itself, into its lane of the slot. */
export function appendTokens(from: Runs, to: Runs, lanes: KvLanes, tokens: NewTokens): void {
  if (lanes.tileRows === undefined) appendRuns(from, to, lanes, tokens);
  else appendColumns(from, to, lanes, tokens);
}

/** In each lane they are one run, there as here. */
function appendRuns(
  from: Runs,
  to: Runs,
  { numLanes, positionBytes }: KvLanes,
  { position, numNewTokens }: NewTokens,
): void {
  const start = to.start + position * positionBytes;
  copyRuns(from, { ...to, start }, numLanes, numNewTokens * positionBytes);
}

/** Here each row of a lane is a run; there it is cut by tiles. */
function appendColumns(
  from: Runs,
  to: Runs,
  { numLanes, positionBytes, tileRows = 1 }: KvLanes,
  { position, numNewTokens }: NewTokens,
): void {
  const bytes = positionBytes / tileRows; // of one number
  // For all lanes: they are many, and short.
  const source = { memory: from.memory, start: 0, stride: numNewTokens * bytes };
  const target = { memory: to.memory, start: 0, stride: TILE_POSITIONS * bytes };
  for (let done = 0; done < numNewTokens; ) {
    const inTile = (position + done) % TILE_POSITIONS;
    const numTokens = Math.min(numNewTokens - done, TILE_POSITIONS - inTile);
    source.start = from.start + done * bytes;
    target.start = to.start + (position + done - inTile) * positionBytes + inTile * bytes;
    for (let lane = 0; lane < numLanes; lane++) {
      copyRuns(source, target, tileRows, numTokens * bytes);
      source.start += from.stride;
      target.start += to.stride;
    }
    done += numTokens;
  }
}
