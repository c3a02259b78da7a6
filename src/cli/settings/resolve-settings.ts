import { UsageError } from '../cli-error.js';
import type { ConfigFile } from './config-file.js';
import { SETTING_KEYS, SETTINGS, type SettingKey, type Settings } from './settings.js';

/** Where values may come from, the strongest first. */
export interface SettingSources {
  /** The command line's values, by setting. */
  readonly flags: Readonly<Partial<Record<SettingKey, string | readonly string[]>>>;
  /** The process environment. A variable that is set and empty counts as not set. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The config file, where there is one. */
  readonly file: ConfigFile | undefined;
}

/** The settings in force, and for each where it comes from. */
export interface ResolvedSettings {
  readonly settings: Settings;
  /** Such as `--host`, `LINNET_HOST`, `host in linnet.config.json` or `default`. */
  readonly origins: Readonly<Record<SettingKey, string>>;
}

/**
 * Gives every setting its value: flag over environment over config file over default.
 *
 * @throws UsageError for the first value that is not allowed; it names the setting, where the value comes from and what
 *   is allowed.
 */
export function resolveSettings(sources: SettingSources): ResolvedSettings {
  const chosen = SETTING_KEYS.map((key) => ({ key, ...choose(key, sources) }));
  return {
    settings: Object.fromEntries(
      chosen.map(({ key, origin, value }) => [key, parseSetting(key, value, origin)]),
    ) as Settings,
    origins: Object.fromEntries(chosen.map(({ key, origin }) => [key, origin])) as Record<SettingKey, string>,
  };
}

function choose(key: SettingKey, { flags, environment, file }: SettingSources) {
  const { name, flag, variable, default: fallback } = SETTINGS[key];
  const fromFlag = flags[key];
  if (fromFlag !== undefined) return { value: fromFlag, origin: flag.split(' ')[0] ?? flag };
  const fromEnvironment = environment[variable];
  if (fromEnvironment) return { value: fromEnvironment, origin: variable };
  if (file !== undefined && Object.hasOwn(file.values, name)) {
    return { value: file.values[name], origin: `${name} in ${file.path}` };
  }
  return { value: fallback, origin: 'default' };
}

function parseSetting(key: SettingKey, value: unknown, origin: string): unknown {
  const { schema, allowed } = SETTINGS[key];
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new UsageError(`${origin} must be ${allowed}; got ${JSON.stringify(value)}.`);
}
