import { Channel, type ChannelOptions, connectivityState } from '@grpc/grpc-js';
import { createChannelCredentials } from '../../security/grpc-credentials.js';
import type { PemStore } from '../../security/pem-store.js';

const CHANNEL_OPTIONS: ChannelOptions = {
  // Without it all channels to one address share one connection.
  'grpc.use_local_subchannel_pool': 1,
  // The default waits up to two minutes before it tries an engine again that came back.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 5000,
  // Finds a peer that vanished without a word.
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5000,
  'grpc.keepalive_permit_without_calls': 1,
  // The scores of the longest texts that a body may hold, with five tokens beside each.
  'grpc.max_receive_message_length': 128 * 1024 * 1024,
  // An HTTP proxy of the environment is for the way out, not for the way to the engine.
  'grpc.enable_http_proxy': 0,
  'grpc.service_config_disable_resolution': 1,
  'grpc.enable_channelz': 0,
};

/** How the connections are made. */
export interface EngineChannelsOptions {
  /** The certificates of the connections. Default: plaintext. */
  readonly tls?: PemStore | undefined;
  /** The name that the engine's certificate bears. Default: that of the address. */
  readonly serverName?: string | undefined;
}

/** Several connections to one engine, used in turn. */
export class EngineChannels {
  /** Where the engine listens, in gRPC's name syntax. */
  readonly address: string;
  readonly #channels: readonly Channel[];
  #turn = 0;

  /** Starts to connect; an engine that does not answer yet is tried again. */
  constructor(address: string, numChannels: number, { tls, serverName }: EngineChannelsOptions = {}) {
    this.address = address;
    const credentials = createChannelCredentials(tls);
    const options = {
      ...CHANNEL_OPTIONS,
      ...(tls && serverName && { 'grpc.ssl_target_name_override': serverName }),
      ...(serverName && { 'grpc.default_authority': serverName }),
    };
    this.#channels = Array.from({ length: numChannels }, () => new Channel(address, credentials, options));
    for (const channel of this.#channels) channel.getConnectivityState(true);
  }

  /**
   * Picks the connection for a call: the next one in turn that is ready, else the next one. After an engine came back,
   * some may still wait for seconds before they try again, and fail their calls meanwhile.
   */
  next(): Channel {
    const start = this.#turn++ % this.#channels.length;
    const inTurn = [...this.#channels.slice(start), ...this.#channels.slice(0, start)];
    const ready = inTurn.filter((channel) => channel.getConnectivityState(true) === connectivityState.READY);
    const channel = ready[0] ?? inTurn[0];
    if (channel === undefined) throw new Error('There is no channel to the engine.');
    return channel;
  }

  /** Ends all connections, and with them the calls that they carry. */
  close(): void {
    for (const channel of this.#channels) channel.close();
  }
}
