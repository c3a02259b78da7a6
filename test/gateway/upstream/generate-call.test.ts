import { type ClientReadableStream, credentials } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { CompletionClient } from '../../../src/contract/gen/linnet/v1/completion.js';
import { parseCompletionRequest } from '../../../src/gateway/completions/completion-request.js';
import { readGenerateCall } from '../../../src/gateway/upstream/generate-call.js';
import { ScriptedService } from '../../support/scripted-service.js';

describe('readGenerateCall', () => {
  it('reads a stream that was left to its end, so that the call needs no reset', async () => {
    const service = await ScriptedService.start();
    const client = new CompletionClient(service.address, credentials.createInsecure());
    let call: ClientReadableStream<unknown> | undefined;
    const spy = Object.assign(Object.create(client), {
      generate: (...args: Parameters<CompletionClient['generate']>) => {
        call = client.generate(...args);
        return call;
      },
    });
    const { generate } = parseCompletionRequest({});
    const options = { requestId: 'id', signal: new AbortController().signal, cancelGraceMs: 3_600_000 };
    service.answer = (script) => {
      script.accept();
      for (let i = 0; i < 100; i += 1) script.sendText('x'.repeat(4096));
    };
    for await (const event of readGenerateCall(spy, generate, options)) {
      if (event.$case === 'delta') break;
    }
    const status = await new Promise((resolve) => call?.on('status', resolve));
    expect(status).toMatchObject({ details: 'Cancelled.' });
    client.close();
    service.stop();
  });
});
