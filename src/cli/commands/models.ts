import { Argument, type Command } from 'commander';
import { GatewayError } from '../../gateway/errors/gateway-error.js';
import { CliError, UsageError } from '../cli-error.js';
import { createModelsClient, type ModelsClient } from '../models/models-client.js';
import { renderModels } from '../models/models-table.js';
import { openRemoteService } from '../processes/remote-service.js';
import { addSettingOptions, settingsOf } from '../settings/setting-options.js';
import { addExamples } from '../terminal/help-examples.js';

/** Adds `linnet models`: what a service that runs has, in which state; and what is to be in memory. */
export function addModelsCommand(program: Command): void {
  const command = program
    .command('models')
    .description('List the models of a service that runs, their states and memory; load or unload one.')
    .addArgument(new Argument('[action]', 'what to do with the model').choices(['load', 'unload']))
    .argument('[id]', 'which model')
    .addHelpText(
      'after',
      "\nA service that asks for an API key gets the one in LINNET_API_KEY; to load or unload, it must be an administrator's.",
    );
  addExamples(command, [
    ['See what there is:', 'linnet models'],
    ['Load a model before its first request:', 'linnet models load gpt2'],
    ['Free its memory on another service:', 'linnet models unload gpt2 --engine-address 127.0.0.1:50052'],
  ]);
  addSettingOptions(command, ['engineAddress', 'engineCa', 'engineCert', 'engineKey']);
  command.action(async (action: 'load' | 'unload' | undefined, model: string | undefined) => {
    const { settings } = settingsOf(command, process.env);
    if (action !== undefined && model === undefined) throw new UsageError(`Name the model to ${action}.`);
    const client = createModelsClient(
      openRemoteService(settings.engineAddress.split(',')[0] ?? '', settings),
    );
    try {
      await act(client, action, model ?? '');
      process.stdout.write(renderModels(await client.list()));
    } catch (error) {
      throw error instanceof GatewayError ? new CliError(error.message) : error;
    } finally {
      client.close();
    }
  });
}

async function act(client: ModelsClient, action: 'load' | 'unload' | undefined, id: string): Promise<void> {
  if (action === 'load') await client.load(id);
  else if (action === 'unload') await client.unload(id);
}
