import type { ModelSource } from '../../engine/index.js';
import { UsageError } from '../cli-error.js';
import { locateModel } from './model-location.js';
import { findOrPull, type PullReport } from './model-pull.js';
import type { ResolvedSettings } from '../settings/resolve-settings.js';

/**
 * Finds the folders of all models that the settings name, and pulls those from the Hub that are missing.
 *
 * @throws UsageError where there is no such model, or two have the same id; CliError where one can't be pulled.
 */
export async function findModels(
  { settings, origins }: Pick<ResolvedSettings, 'settings' | 'origins'>,
  report: Omit<PullReport, 'signal'>,
): Promise<ModelSource[]> {
  const locations = settings.models.map((model) => locateModel(model, origins.models));
  const ids = locations.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  if (twice !== undefined)
    throw new UsageError(
      `Two models have the id "${twice}" (${origins.models}); name one of them with ID=MODEL.`,
    );
  // Nothing is served yet that would have to be ended with care.
  const { signal } = new AbortController();
  const found: ModelSource[] = [];
  for (const location of locations) {
    const { id } = location;
    const directory =
      'directory' in location
        ? location.directory
        : await findOrPull(location.repository, { ...report, signal });
    found.push({ id, directory });
  }
  return found;
}

/** Says models so that the setting reads them back, with folders that need no more finding. */
export function toModelSetting(models: readonly ModelSource[]): string[] {
  return models.map(({ id, directory }) => `${id}=${directory}`);
}
