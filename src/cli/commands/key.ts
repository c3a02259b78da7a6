import { type Command, InvalidArgumentError } from 'commander';
import { createKey, KEY_ID, type KeyLimits, type KeyRecord } from '../../security/api-key.js';
import { changeKeyFile } from '../../security/key-file.js';
import { CliError, UsageError } from '../cli-error.js';
import { parseCountArgument } from '../settings/number-argument.js';
import { addSettingOptions, settingsOf } from '../settings/setting-options.js';
import { addExamples } from '../terminal/help-examples.js';

/** Adds `linnet key`, which changes the file of API keys; servers that use it read it again by themselves. */
export function addKeyCommand(program: Command): void {
  const key = program.command('key').description('Make and revoke API keys.');
  const create = key
    .command('create')
    .description('Make a key, print it once, and add its hash to the file of keys.')
    .argument('<id>', 'names the key in logs: 1 to 64 of a-z, 0-9 and -', parseId)
    .option('--requests-per-minute <count>', 'how many requests may begin in a minute', parseLimit)
    .option('--concurrent-requests <count>', 'how many requests may run or wait at a time', parseLimit)
    .option('--tokens-per-minute <count>', 'how many tokens of prompts and completions', parseLimit)
    .option('--admin', 'lets it load and unload models too');
  addExamples(key, [
    ['Make a key:', 'linnet key create alice --api-keys keys.json'],
    ['Take it back:', 'linnet key revoke alice --api-keys keys.json'],
  ]);
  addExamples(create, [
    [
      'Make a key for at most a request a second:',
      'linnet key create alice --api-keys keys.json --requests-per-minute 60',
    ],
  ]);
  addSettingOptions(create, ['apiKeys']).action(
    (id: string, options: KeyLimits & { readonly admin?: true }) => {
      const { requestsPerMinute, concurrentRequests, tokensPerMinute, admin: isAdmin } = options;
      const made = createKey(id, { requestsPerMinute, concurrentRequests, tokensPerMinute, isAdmin });
      change(create, (records) => {
        if (records.some((record) => record.id === id)) {
          throw new UsageError(`There is a key "${id}" already; choose another id, or revoke it first.`);
        }
        return [...records, made.record];
      });
      console.log(made.key);
    },
  );
  const revoke = key.command('revoke').description('Take a key out of the file.').argument('<id>');
  addExamples(revoke, [['Take a key back:', 'linnet key revoke alice --api-keys keys.json']]);
  addSettingOptions(revoke, ['apiKeys']).action((id: string) => {
    change(revoke, (records) => {
      const others = records.filter((record) => record.id !== id);
      if (others.length === records.length)
        throw new UsageError(`There is no key "${id}" in the file, which has ${namesOf(records)}.`);
      return others;
    });
  });
}

function namesOf(records: readonly KeyRecord[]): string {
  return records.length === 0 ? 'none' : records.map(({ id }) => `"${id}"`).join(', ');
}

function change(command: Command, how: Parameters<typeof changeKeyFile>[1]): void {
  const { apiKeys } = settingsOf(command, process.env).settings;
  if (apiKeys === undefined) {
    throw new UsageError('Name the file of keys with --api-keys or LINNET_API_KEYS.');
  }
  try {
    changeKeyFile(apiKeys, how);
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError(`The key was not changed: ${(error as Error).message}.`);
  }
}

function parseId(text: string): string {
  if (KEY_ID.test(text)) return text;
  throw new InvalidArgumentError('It must be 1 to 64 of a-z, 0-9 and -.');
}

function parseLimit(text: string): number {
  const count = parseCountArgument(text);
  if (count >= 1) return count;
  throw new InvalidArgumentError('It must be at least 1.');
}
