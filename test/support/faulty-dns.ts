import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { AUTHORITATIVE_ANSWER, decode, encode, type Packet } from 'dns-packet';

/** What the server does with a question. */
export type DnsFault =
  /** It answers. */
  | 'none'
  /** It says nothing. */
  | 'silent'
  /** It says that it failed. */
  | 'failing'
  /** It says that there is no such name. */
  | 'unknown'
  /** It sends what is no answer. */
  | 'garbled';

const CODES = { failing: 2, unknown: 3 } as const;

/** A DNS server on loopback that has one answer to all questions, and breaks when it is told to. */
export class FaultyDns {
  readonly #socket: Socket;
  /** The IPv4 addresses that every name has. */
  addresses: readonly string[] = [];
  fault: DnsFault = 'none';
  /** How much later its answers leave. Milliseconds. */
  delayMs = 0;
  /** Questions that came, ever. */
  numQuestions = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (bytes, from) => this.#hear(bytes, from));
  }

  /** Starts a server on a free port. */
  static async start(): Promise<FaultyDns> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new FaultyDns(socket);
  }

  /** Where it listens: `127.0.0.1:PORT`. */
  get target(): string {
    return `127.0.0.1:${(this.#socket.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#socket.close();
  }

  #hear(bytes: Buffer, { address, port }: RemoteInfo): void {
    this.numQuestions += 1;
    const answer = this.#answerTo(decode(bytes));
    if (answer === undefined) return;
    const send = () => this.#socket.send(answer, port, address, () => undefined);
    if (this.delayMs > 0) setTimeout(send, this.delayMs).unref();
    else send();
  }

  #answerTo({ id, questions = [] }: Packet): Buffer | undefined {
    const { fault } = this;
    if (fault === 'silent') return undefined;
    if (fault === 'garbled') return Buffer.from('not an answer');
    const code = fault === 'none' ? 0 : CODES[fault];
    const answers = questions
      .filter(({ type }) => code === 0 && type === 'A')
      .flatMap(({ name }) => this.addresses.map((data) => ({ type: 'A' as const, name, ttl: 0, data })));
    return encode({
      type: 'response',
      flags: AUTHORITATIVE_ANSWER | code,
      questions,
      answers,
      ...(id && { id }),
    });
  }
}
