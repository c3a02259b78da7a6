import type { status as Code, ServerWritableStream } from '@grpc/grpc-js';
import {
  type Accepted,
  type Delta,
  type Finished,
  FinishReason,
  type GenerateRequest,
  type GenerateResponse,
} from '../../src/contract/gen/linnet/v1/completion.js';
import { encodeRichStatus, type RichStatus } from '../../src/contract/rich-status.js';

/** The wire's side of a Generate call. */
export type WireCall = ServerWritableStream<GenerateRequest, GenerateResponse>;

/** One Generate call as the service sees it. The test decides what it answers, and when. */
export class ScriptedCall {
  readonly request: GenerateRequest;
  readonly requestId: string;
  /** The caller's end of the connection. */
  readonly peer: string;
  /** How the call ended: by this script, by the Cancel RPC, or by a reset from the caller. */
  readonly ended: Promise<'answered' | 'cancelled' | 'reset'>;
  readonly #call: WireCall;
  #end: (how: 'answered' | 'cancelled' | 'reset') => void = () => undefined;

  constructor(call: WireCall) {
    this.#call = call;
    this.request = call.request;
    this.requestId = String(call.metadata.get('x-request-id')[0]);
    this.peer = call.getPeer();
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    // Fires after every call; only the first of these says how it ended.
    call.on('cancelled', () => this.#end('reset'));
  }

  accept(overrides: Partial<Accepted> = {}): this {
    const defaults: Accepted = {
      requestId: this.requestId,
      model: 'fable',
      seed: 7n,
      systemFingerprint: 'fp_test',
      promptTokens: 5,
      cachedTokens: 0,
      prompts: [],
    };
    this.#write({ $case: 'accepted', value: { ...defaults, ...overrides } });
    return this;
  }

  /** Sends text of a choice; false while the reader does not keep up. */
  sendText(text: string, index = 0): boolean {
    return this.sendDelta({ text, tokenIds: [1], tokenBytes: Buffer.from(text), index });
  }

  /** Sends a part of a choice; false while the reader does not keep up. */
  sendDelta(overrides: Partial<Delta>): boolean {
    const nothing: Delta = {
      ...{ text: '', tokenIds: [], tokenBytes: Buffer.alloc(0), index: 0, logprobs: [], echoedTokens: 0 },
    };
    return this.#write({ $case: 'delta', value: { ...nothing, ...overrides } });
  }

  async drained(): Promise<void> {
    await new Promise((resolve) => this.#call.once('drain', resolve));
  }

  /** Ends a choice, and the stream after it. */
  finish(overrides: Partial<Finished> = {}): void {
    this.finishChoice(overrides);
    this.endEarly();
  }

  /** Ends a choice. */
  finishChoice(overrides: Partial<Finished> = {}): void {
    const finished: Finished = {
      finishReason: FinishReason.LENGTH,
      stop: undefined,
      usage: { promptTokens: 5, completionTokens: 2, cachedTokens: 3, acceptedPredictionTokens: 1 },
      timings: undefined,
      index: 0,
      ...overrides,
    };
    this.#write({ $case: 'finished', value: finished });
  }

  /** Answers everything at once. */
  complete(...texts: string[]): void {
    this.accept();
    for (const text of texts) this.sendText(text);
    this.finish();
  }

  fail(rich: RichStatus): void {
    this.#end('answered');
    this.#call.emit('error', encodeRichStatus(rich));
  }

  /** Ends with a status that says nothing of Linnet's, as a transport or a proxy does. */
  failBare(code: Code, details: string): void {
    this.#end('answered');
    this.#call.emit('error', { code, details });
  }

  /** Ends the stream, whether or not it is finished. */
  endEarly(): void {
    this.#end('answered');
    this.#call.end();
  }

  endAsCancelled(): void {
    this.#end('cancelled');
    this.#call.emit('error', encodeRichStatus({ reason: 'CANCELLED', message: 'Cancelled.' }));
  }

  #write(event: NonNullable<GenerateResponse['event']>): boolean {
    return this.#call.write({ event });
  }
}
