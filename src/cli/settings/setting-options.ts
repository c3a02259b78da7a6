import { type Command, Option } from 'commander';
import { z } from 'zod';
import { DEFAULT_CONFIG_FILE, readConfigFile } from './config-file.js';
import { type ResolvedSettings, resolveSettings } from './resolve-settings.js';
import { SETTINGS, type SettingKey } from './settings.js';

/** Gives a command a flag for each of these settings, and `--config`. */
export function addSettingOptions(command: Command, keys: readonly SettingKey[]): Command {
  for (const key of keys) {
    const { flag, variable, description, default: fallback, isList, schema } = SETTINGS[key];
    // `preset`: what a flag that can stand alone means when it does.
    const option = new Option(flag, `${description} (${variable}, default ${fallback})`).preset('yes');
    if (schema instanceof z.ZodEnum) option.argChoices = schema.options.map(String);
    if (isList) option.argParser((value, items: readonly string[] = []) => [...items, value]);
    command.addOption(option);
  }
  return command.option(
    '--config <file>',
    `JSON file with settings (LINNET_CONFIG, default ${DEFAULT_CONFIG_FILE} if there is one)`,
  );
}

/**
 * Resolves the settings of a command that has been parsed.
 *
 * @throws UsageError where a value or the config file is not acceptable.
 */
export function settingsOf(command: Command, environment: NodeJS.ProcessEnv): ResolvedSettings {
  const values: Readonly<Record<string, string | undefined>> = command.opts();
  const flags = Object.entries(SETTINGS).map(([key, { flag }]) => [
    key,
    values[new Option(flag).attributeName()],
  ]);
  return resolveSettings({
    flags: Object.fromEntries(flags),
    environment,
    file: readConfigFile(values['config'] ?? (environment['LINNET_CONFIG'] || undefined)),
  });
}
