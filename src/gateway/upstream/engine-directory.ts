import { lookup, Resolver } from 'node:dns/promises';
import { isIPv6 } from 'node:net';

/** Where an engine is. */
export interface EnginePlace {
  /** In gRPC's name syntax: an address, or what gRPC resolves by itself. */
  readonly address: string;
  /** The name that its certificate bears, where that is not in the address. */
  readonly serverName: string | undefined;
}

/** How names are resolved. */
export interface EngineDirectoryOptions {
  /** How long what was found holds. Milliseconds. */
  readonly resolveIntervalMs: number;
  /** Called when the engines have changed, and when a name does not resolve for the first time since it did. */
  readonly onChange: (places: readonly EnginePlace[]) => void;
  /** Called where a name does not resolve; what it stood for last stays. Once, until it resolves again. */
  readonly onFailure: (name: string, error: Error) => void;
  /** Finds a host's addresses. Default: {@link resolveHost}. */
  readonly resolve?: (host: string, server: string | undefined) => Promise<readonly string[]>;
}

const DNS_NAME = /^dns:(?:\/\/([^/]*)\/)?(.+):(\d+)$/;
/** How long until a name is tried again that has never resolved, at most: it may be that there is no engine without it. */
const RETRY_MS = 500;
/** How long a server that was named has to answer, before it is asked a second and last time. */
const QUERY_TIMEOUT_MS = 1000;

/**
 * Knows where the engines are. What begins with `dns:` stands for all addresses that the name has, and is resolved again
 * and again: of a headless service in Kubernetes these are its pods. `dns://SERVER/NAME:PORT` says which server to ask. All
 * else stands for one engine.
 */
export class EngineDirectory {
  /** Fulfilled once every name has been asked for. */
  readonly resolved: Promise<void>;
  readonly #names: readonly string[];
  readonly #options: EngineDirectoryOptions;
  readonly #found = new Map<string, readonly EnginePlace[]>();
  readonly #failing = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #told = '';
  #isClosed = false;

  constructor(names: readonly string[], options: EngineDirectoryOptions) {
    this.#names = names;
    this.#options = options;
    for (const name of names)
      if (!DNS_NAME.test(name)) this.#found.set(name, [{ address: name, serverName: undefined }]);
    this.#tell();
    this.resolved = this.#resolveAll();
  }

  /** Resolves no more. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #resolveAll(): Promise<void> {
    const names = this.#names.filter((name) => DNS_NAME.test(name));
    if (names.length === 0) return;
    await Promise.all(names.map((name) => this.#resolve(name)));
    if (this.#isClosed) return;
    this.#tell();
    const { resolveIntervalMs } = this.#options;
    const waitMs = names.every((name) => this.#found.has(name))
      ? resolveIntervalMs
      : Math.min(resolveIntervalMs, RETRY_MS);
    this.#timer = setTimeout(() => void this.#resolveAll(), waitMs).unref();
  }

  async #resolve(name: string): Promise<void> {
    const [, server, host = '', port = ''] = DNS_NAME.exec(name) ?? [];
    try {
      const hosts = await (this.#options.resolve ?? resolveHost)(host, server || undefined);
      const addresses = hosts.map((ip) => (isIPv6(ip) ? `ipv6:[${ip}]:${port}` : `ipv4:${ip}:${port}`));
      this.#found.set(
        name,
        addresses.map((address) => ({ address, serverName: host })),
      );
      this.#failing.delete(name);
    } catch (error) {
      if (!this.#failing.has(name)) this.#options.onFailure(name, error as Error);
      this.#failing.add(name);
    }
  }

  #tell(): void {
    const places = this.#names.flatMap((name) => this.#found.get(name) ?? []);
    const told = places
      .map(({ address }) => address)
      .sort()
      .join();
    if (told === this.#told) return;
    this.#told = told;
    this.#options.onChange(places);
  }
}

/**
 * Finds a host's addresses: as the system does, `/etc/hosts` and search domains included, or from one DNS server.
 *
 * @param server such as `10.0.0.53` or `127.0.0.1:5353`.
 */
async function resolveHost(host: string, server: string | undefined): Promise<readonly string[]> {
  if (server === undefined) return (await lookup(host, { all: true })).map(({ address }) => address);
  const resolver = new Resolver({ timeout: QUERY_TIMEOUT_MS, tries: 2 });
  resolver.setServers([server]);
  const [v4, v6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
  if (v4.status === 'rejected' && v6.status === 'rejected') throw v4.reason;
  return [v4, v6].flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
}
