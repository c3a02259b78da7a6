/** What a proxy does to what passes through it, until it is told otherwise. */
export interface TcpFaults {
  /** How long each piece takes longer, in each direction. Milliseconds. Default 0. */
  readonly delayMs?: number;
  /** So many bytes a second from the server, on each connection. Default: as fast as they come. */
  readonly bytesPerSecond?: number;
  /** Breaks new connections as soon as they are made. Default false. */
  readonly isRefusing?: boolean;
}

/** A TCP proxy on loopback, with which connections are broken. */
export interface TcpProxy {
  /** Where it listens, such as `127.0.0.1:40123`. */
  readonly target: string;
  /** How many connections pass through it. */
  readonly numConnections: number;
  /** Sends new connections elsewhere. */
  retarget(upstream: string): void;
  /** Replaces the faults, for the connections there are and for new ones. */
  setFaults(faults: TcpFaults): void;
  /** Breaks every connection, as a caller that dies does. */
  cut(): void;
  /** Says to both sides of every connection that the other one sends no more, and passes on what comes after all. */
  halfClose(): void;
  /** Lets nothing pass any more, as a caller whose machine vanished does. */
  silence(): void;
  /** Lets pass what was silenced. */
  resume(): void;
  close(): Promise<void>;
}

/**
 * Starts a proxy on a port of loopback.
 *
 * @param upstream where connections go to: `HOST:PORT` or a URL, on loopback too.
 * @param options faults from the beginning; `host` and `port` are where it listens, by default 127.0.0.1 and a free one.
 */
export function startTcpProxy(
  upstream: string,
  options?: TcpFaults & { readonly host?: string; readonly port?: number },
): Promise<TcpProxy>;
