import type { PemStore } from '../../security/pem-store.js';
import { GatewayError } from '../errors/gateway-error.js';
import { EngineChannels } from './engine-channels.js';
import type { EnginePlace } from './engine-directory.js';
import type { EngineStanding, PickableEngine } from './engine-picker.js';
import { FullQueue } from './full-queue.js';
import { HealthWatch } from './health-watch.js';

/** How an engine is connected. */
export interface EngineLinkOptions {
  /** HTTP/2 connections for streams. */
  readonly numChannels: number;
  /** The certificates of the connections; undefined for plaintext. */
  readonly tls: PemStore | undefined;
  /** Called whenever something has been heard of its health. */
  readonly onChange: (link: EngineLink) => void;
}

/** The gateway's end of one engine: connections, health, and what it owes. */
export class EngineLink implements PickableEngine {
  readonly address: string;
  readonly channels: EngineChannels;
  /** Whom it has just refused. */
  readonly fullQueue = new FullQueue();
  /** Completions that were asked of another engine, or again, because this one failed them before there was text. */
  numRetries = 0;
  /** How often it was taken out of use. */
  #numEjections = 0;
  readonly #serving: HealthWatch;
  readonly #ready: HealthWatch;
  readonly #onChange: (link: EngineLink) => void;
  #wasWell = false;
  #wasFull = false;
  #outstanding = 0;
  #isRetired = false;
  #isClosed = false;

  /** Starts to connect; an engine that does not answer yet is tried again. */
  constructor({ address, serverName }: EnginePlace, { numChannels, tls, onChange }: EngineLinkOptions) {
    this.address = address;
    this.#onChange = onChange;
    this.channels = new EngineChannels(address, numChannels, { tls, serverName });
    const heard = () => this.#hear();
    this.#serving = new HealthWatch(this.channels, { service: '', onChange: heard });
    this.#ready = new HealthWatch(this.channels, { service: 'ready', onChange: heard });
  }

  get standing(): EngineStanding {
    const { known } = this.#serving;
    if (known === undefined) return 'unknown';
    if (known !== true) return 'sick';
    return this.#ready.known === false ? 'full' : 'ready';
  }

  /** Whether it says that it serves. */
  get isServing(): boolean {
    return this.#serving.known === true;
  }

  /** Why it can't be asked for its health; undefined where it can. */
  get failure(): GatewayError | undefined {
    const { known } = this.#serving;
    return known instanceof GatewayError ? known : undefined;
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  get numEjections(): number {
    return this.#numEjections;
  }

  /** Whether it gets no more calls, and is closed when those that run have ended. */
  get isRetired(): boolean {
    return this.#isRetired;
  }

  /** Whether its connections have ended. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Notes that the engine owes something. Returns what notes its end, to be called once. */
  begin(numChoices: number): () => void {
    this.#outstanding += numChoices;
    return () => {
      this.#outstanding -= numChoices;
      if (this.#isRetired) this.#closeIfIdle();
    };
  }

  /** Closes it when what runs has ended. */
  retire(): void {
    this.#isRetired = true;
    this.#closeIfIdle();
  }

  /** Takes it into use again, unless it is closed by now; false where it is. */
  revive(): boolean {
    this.#isRetired &&= this.#isClosed;
    return !this.#isClosed;
  }

  /** Ends all connections, and with them the calls that they carry. */
  close(): void {
    this.#isClosed = true;
    this.#serving.close();
    this.#ready.close();
    this.channels.close();
  }

  #hear(): void {
    const isWell = this.isServing;
    if (this.#wasWell && !isWell) this.#numEjections += 1;
    this.#wasWell = isWell;
    if (this.#wasFull && this.standing === 'ready') this.fullQueue.clear();
    this.#wasFull = this.standing === 'full';
    this.#onChange(this);
  }

  #closeIfIdle(): void {
    if (this.#outstanding === 0 && !this.#isClosed) {
      this.close();
      this.#onChange(this);
    }
  }
}
