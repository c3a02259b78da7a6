import { HubError } from './hub-error.js';

const WEIGHTS = 'model.safetensors';

/** The list of shards, where the weights are in several files. */
export const INDEX = 'model.safetensors.index.json';

/** What says whether the tokenizer is GPT-2's; a repository may have neither, both, or one in two files. */
const TOKENIZER = ['vocab.json', 'merges.txt', 'tokenizer.json'];

/** Which of a repository's files make up its checkpoint. */
export interface CheckpointFiles {
  /** What is small and says what the rest is: shape, tokenizer, list of shards. */
  readonly descriptions: readonly string[];
  /** The weights, or undefined where the list of shards has yet to be read. */
  readonly weights: readonly string[] | undefined;
}

/**
 * Chooses the files of a checkpoint: safetensors only.
 *
 * @param name the repository, for messages.
 * @throws HubError where there is no config, or there are no weights but in a format that can run code when it is read.
 */
export function chooseFiles(files: readonly string[], name: string): CheckpointFiles {
  if (!files.includes('config.json'))
    throw new HubError(`${name} has no config.json: it is no model's checkpoint. Name another one.`);
  const descriptions = ['config.json', ...TOKENIZER.filter((file) => files.includes(file))];
  if (files.includes(WEIGHTS)) return { descriptions, weights: [WEIGHTS] };
  if (files.includes(INDEX)) return { descriptions: [...descriptions, INDEX], weights: undefined };
  const pickles = files.filter((file) => /^pytorch_model.*\.(?:bin|json)$|\.(?:pt|pth|ckpt|pkl)$/.test(file));
  throw new HubError(
    pickles.length > 0
      ? `${name} has its weights as pickles only (${pickles[0]}), which can run code when they are read, and are refused. Convert them to ${WEIGHTS}.`
      : `${name} has neither ${WEIGHTS} nor ${INDEX}: it has no weights. Name another one.`,
  );
}

/**
 * Reads the names of the shards from the list of them.
 *
 * @throws HubError where it is no such list, or names what is no safetensors file of the same folder.
 */
export function parseShards(json: string, name: string): readonly string[] {
  const files = new Set(Object.values(parseWeightMap(json)));
  for (const file of files) {
    if (typeof file !== 'string' || !/^[\w-][\w.-]*\.safetensors$/.test(file))
      throw new HubError(
        `${name}: ${INDEX} names ${JSON.stringify(file)}, which is no safetensors file beside it.`,
      );
  }
  if (files.size === 0) throw new HubError(`${name}: ${INDEX} names no files.`);
  return [...files] as string[];
}

function parseWeightMap(json: string): object {
  try {
    const map: unknown = JSON.parse(json)?.weight_map;
    return typeof map === 'object' && map !== null ? map : {};
  } catch {
    return {};
  }
}
