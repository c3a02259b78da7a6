// Streams a completion from Linnet, with a deadline, a way to cancel, and errors told in full.
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { type Client, ConnectError, createClient } from '@connectrpc/connect';
import { connect, connectionOptions } from './connect.js';
import { Completion, FinishReason } from './gen/linnet/v1/completion_pb.js';
import { report } from './report.js';

const { values: options, positionals } = parseArgs({
  options: {
    'max-tokens': { type: 'string', default: '40' },
    temperature: { type: 'string' },
    timeout: { type: 'string', default: '60' }, // seconds
    'cancel-after': { type: 'string' }, // tokens
    'cancel-by': { type: 'string', default: 'call' }, // or key
    ...connectionOptions,
  },
  allowPositionals: true,
});
const [prompt = ''] = positionals;

try {
  await complete(createClient(Completion, connect(options)));
} catch (error) {
  if (!(error instanceof ConnectError)) throw error;
  console.error(`\n${report(error)}`);
  process.exitCode = 1;
}

async function complete(client: Client<typeof Completion>): Promise<void> {
  const { temperature } = options;
  const cancelKey = randomUUID();
  const controller = new AbortController();
  const request = {
    input: { case: 'prompt' as const, value: prompt },
    maxTokens: Number(options['max-tokens']),
    // Undefined leaves the field unset, and the service's default in force; 0 would be greedy.
    temperature: temperature === undefined ? undefined : Number(temperature),
    cancelKey,
  };
  // The service stops the generation when the deadline passes or the signal aborts, wherever the request is by then.
  const responses = client.generate(request, {
    timeoutMs: Number(options.timeout) * 1000,
    signal: controller.signal,
  });

  let tokens = 0;
  let mayCancel = options['cancel-after'] !== undefined;
  try {
    for await (const { event } of responses) {
      if (event.case === 'delta') {
        process.stdout.write(event.value.text);
        tokens += event.value.tokenIds.length;
      } else if (event.case === 'finished') {
        const { finishReason, usage } = event.value;
        console.error(`\n${FinishReason[finishReason]}: ${usage?.completionTokens} tokens`);
      }
      if (mayCancel && tokens >= Number(options['cancel-after'])) {
        mayCancel = false;
        // The generation ends within one step of the engine, and this loop throws Canceled.
        if (options['cancel-by'] !== 'key' || !(await cancelByKey(client, cancelKey))) controller.abort();
      }
    }
  } finally {
    // Leaving the loop early does not end the call.
    controller.abort();
  }
}

/**
 * Cancels without resetting the call's stream, and tells whether there was anything to cancel. It is for connections
 * that carry many callers: servers close a connection on which too many streams are reset.
 */
async function cancelByKey(client: Client<typeof Completion>, cancelKey: string): Promise<boolean> {
  const { cancelledRequests } = await client.cancel({ cancelKey }, { timeoutMs: 5000 });
  return cancelledRequests > 0;
}
