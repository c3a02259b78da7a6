import { existsSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PUBLISHED_NAMES, parseRepository, type Repository } from '../../hub/repository.js';
import { UsageError } from '../cli-error.js';

/** A model, and where it is to be had: in a folder (an absolute path), or from the Hub. */
export type ModelLocation =
  | { readonly id: string; readonly directory: string }
  | { readonly id: string; readonly repository: Repository };

const EMBEDDED_MODELS = fileURLToPath(new URL('../../../models/', import.meta.url));
const ID = /^[\w.-]+(\/[\w.-]+)?$/;

/**
 * Finds the model that a setting names: the folder of a checkpoint, whose id is the folder's name; the name of a model
 * that comes with Linnet; or one on the Hub, perhaps with `@REVISION`; the first of these that there is. `ID=` before
 * any of them gives it another id. Asks nobody but the file system.
 *
 * @throws UsageError where it can't be any of them, or the id can't be one.
 */
export function locateModel(model: string, origin: string): ModelLocation {
  const separator = model.indexOf('=');
  const name = model.slice(separator + 1);
  const location = findFolder(name, origin) ?? findRepository(name);
  if (location === undefined) throw notFound(name, origin, `there is no folder ${resolve(name)}`);
  const id = separator > 0 ? model.slice(0, separator) : location.id;
  if (ID.test(id)) return { ...location, id };
  throw new UsageError(
    `The model's id "${id}" (${origin}) must be letters, digits, ".", "_" or "-"; name one with ID=FOLDER.`,
  );
}

function findFolder(name: string, origin: string): ModelLocation | undefined {
  const given = resolve(name);
  const embedded = join(EMBEDDED_MODELS, name);
  const candidates = /^[\w.-]+$/.test(name) ? [given, embedded] : [given];
  const directory = candidates.find((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory());
  if (directory === undefined) return undefined;
  if (existsSync(join(directory, 'config.json'))) return { id: basename(directory), directory };
  throw notFound(name, origin, `${directory} has no config.json`);
}

function findRepository(name: string): ModelLocation | undefined {
  const repository = parseRepository(name);
  return repository && { id: name.replace(/@.*/, ''), repository };
}

function notFound(name: string, origin: string, found: string): UsageError {
  return new UsageError(
    `The model "${name}" (${origin}) can't be found: ${found}. Name the folder of a GPT-2 checkpoint, a model on the Hub (${PUBLISHED_NAMES.join(', ')} or OWNER/NAME), or leave the setting out for the embedded model.`,
  );
}
