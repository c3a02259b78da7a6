import type { Command } from 'commander';
import { addSettingOptions, settingsOf } from '../settings/setting-options.js';
import { formatSetting, SETTING_KEYS, SETTINGS } from '../settings/settings.js';
import { addExamples } from '../terminal/help-examples.js';

/** Adds `linnet config`, which prints each setting in force and where it comes from. */
export function addConfigCommand(program: Command): void {
  const command = program
    .command('config')
    .description('Print the settings in force, and where each comes from.');
  addExamples(command, [
    ['See what is in force, and why:', 'linnet config'],
    ['See what a flag would change:', 'linnet config --threads 2'],
  ]);
  addSettingOptions(command, SETTING_KEYS).action(() => {
    const { settings, origins } = settingsOf(command, process.env);
    const rows = SETTING_KEYS.map((key) => [
      SETTINGS[key].name,
      formatSetting(key, settings),
      origins[key],
      SETTINGS[key].description,
    ]);
    const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
    for (const row of rows) {
      console.log(row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
    }
  });
}
