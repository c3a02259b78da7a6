import { existsSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from './cli-error.js';

/** A model and where its checkpoint lies. */
export interface ModelLocation {
  /** The id that requests name. */
  readonly id: string;
  /** The absolute path of a Hugging Face checkpoint folder. */
  readonly directory: string;
}

const EMBEDDED_MODELS = fileURLToPath(new URL('../../models/', import.meta.url));
const ID = /^[\w.-]+(\/[\w.-]+)?$/;

/**
 * Finds the model that the setting names: the folder of a checkpoint, whose id is the folder's name; `ID=FOLDER`; or
 * the name of a model that comes with Linnet. A folder of that name in the working directory goes before it.
 *
 * @throws UsageError where the id can't be one, or there is no checkpoint in the folder.
 */
export function locateModel(model: string, origin: string): ModelLocation {
  const separator = model.indexOf('=');
  const folder = model.slice(separator + 1);
  const directory = findFolder(folder);
  const id = separator > 0 ? model.slice(0, separator) : basename(directory);
  if (!ID.test(id)) {
    throw new UsageError(
      `The model's id "${id}" (${origin}) must be letters, digits, ".", "_" or "-"; name one with ID=FOLDER.`,
    );
  }
  if (existsSync(join(directory, 'config.json'))) return { id, directory };
  const found = existsSync(directory) ? `${directory} has no config.json` : `there is no folder ${directory}`;
  throw new UsageError(
    `The model "${folder}" (${origin}) can't be found: ${found}. Name the folder of a GPT-2 checkpoint, or leave the setting out for the embedded model.`,
  );
}

function findFolder(folder: string): string {
  const given = resolve(folder);
  if (statSync(given, { throwIfNoEntry: false })?.isDirectory()) return given;
  const embedded = join(EMBEDDED_MODELS, folder);
  return /^[\w.-]+$/.test(folder) && existsSync(embedded) ? embedded : given;
}
