// Streams a completion from Linnet, with a deadline, a way to cancel, and errors told in full. Nothing is generated:
// the .proto files are read when the program starts.
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { callMetadata, connect, connectionOptions } from './connect.js';
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
const [prompt] = positionals;

const client = connect(options);
try {
  await complete();
} catch (error) {
  console.error(`\n${report(error)}`);
  process.exitCode = 1;
} finally {
  client.close();
}

async function complete() {
  const cancelKey = randomUUID();
  const request = { prompt, maxTokens: Number(options['max-tokens']), cancelKey };
  // A field that is not there is unset, and the service's default in force; 0 would be greedy.
  if (options.temperature !== undefined) request.temperature = Number(options.temperature);
  // The service stops the generation when the deadline passes, wherever the request is by then.
  const deadline = Date.now() + Number(options.timeout) * 1000;
  const call = client.generate(request, callMetadata(options), { deadline });

  let tokens = 0;
  let mayCancel = options['cancel-after'] !== undefined;
  try {
    for await (const { event, delta, finished } of call) {
      if (event === 'delta') {
        process.stdout.write(delta.text);
        tokens += delta.tokenIds.length;
      } else if (event === 'finished') {
        console.error(`\n${finished.finishReason}: ${finished.usage.completionTokens} tokens`);
      }
      if (mayCancel && tokens >= Number(options['cancel-after'])) {
        mayCancel = false;
        await cancel(call, cancelKey);
      }
    }
  } finally {
    // Leaving the loop early does not end the call.
    call.cancel();
  }
}

/** Ends the generation within one step of the engine. The loop over the call then throws CANCELLED. */
async function cancel(call, cancelKey) {
  // By key where one connection carries many callers: servers close a connection on which too many streams are reset,
  // and cancelling a call resets its stream.
  const isCancelled = options['cancel-by'] === 'key' && (await cancelByKey(cancelKey)) > 0;
  if (!isCancelled) call.cancel();
}

function cancelByKey(cancelKey) {
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + 5000;
    client.cancel({ cancelKey }, callMetadata(options), { deadline }, (error, response) =>
      error ? reject(error) : resolve(response.cancelledRequests),
    );
  });
}
