import { readdirSync } from 'node:fs';
import { startTcpProxy, type TcpProxy } from '../../tools/tcp-proxy.mjs';
import { FaultyDns } from './faulty-dns.js';
import { fixtureCheckpoint } from './fixtures.js';
import { LinnetProcess } from './linnet-process.js';

const ENGINE_ARGS = ['--precision', 'f32', '--threads', '1', '--kv-cache', '64MiB', '--preload'];

/** A process of a cluster, behind a proxy that stays where it is. */
interface Node {
  readonly proxy: TcpProxy;
  process: LinnetProcess;
  /** Where the process itself listens. */
  address: string;
}

/**
 * Engines, and a gateway that asks them, each behind a proxy of its own: any of them can be killed, and any connection
 * broken. The gateway finds the engines by a name: their proxies have addresses of their own, and one port.
 */
export class FaultyCluster {
  /** Where the gateway asks for the engines. */
  readonly dns: FaultyDns;
  readonly #engines: readonly Node[];
  readonly #gateway: Node;

  private constructor(dns: FaultyDns, engines: readonly Node[], gateway: Node) {
    this.dns = dns;
    this.#engines = engines;
    this.#gateway = gateway;
  }

  /** Starts all of it on the small checkpoint that has GPT-2's vocabulary. */
  static async start(numEngines: number): Promise<FaultyCluster> {
    const dns = await FaultyDns.start();
    const first = await startNode(startEngine, { host: hostOf(0) });
    const others = Array.from({ length: numEngines - 1 }, (_, i) =>
      startNode(startEngine, { host: hostOf(i + 1), port: portOf(first) }),
    );
    const engines = [first, ...(await Promise.all(others))];
    dns.addresses = engines.map((_, i) => hostOf(i));
    return new FaultyCluster(dns, engines, await startNode(() => startGateway(nameOf(dns, first))));
  }

  /** The addresses of the engines' proxies. */
  get engineHosts(): readonly string[] {
    return this.#engines.map((_, i) => hostOf(i));
  }

  /** What clients speak to: the gateway, through its proxy. */
  get url(): string {
    return `http://${this.#gateway.proxy.target}`;
  }

  /** The gateway itself, without a proxy. */
  get gatewayUrl(): string {
    return `http://${this.#gateway.address}`;
  }

  /** The proxies before the engines, then the one before the gateway. */
  get proxies(): readonly TcpProxy[] {
    return [...this.#engines, this.#gateway].map(({ proxy }) => proxy);
  }

  get numEngines(): number {
    return this.#engines.length;
  }

  /** How many files and sockets the gateway has open. */
  get gatewayFiles(): number {
    return readdirSync(`/proc/${this.#gateway.process.pid}/fd`).length;
  }

  /** Ends an engine without a word, and starts another one in its place. */
  async restartEngine(index: number): Promise<void> {
    const engine = this.#engines[index];
    if (engine !== undefined) await restart(engine, 'SIGKILL', startEngine);
  }

  /** Ends the gateway by a signal, and starts another one in its place. */
  async restartGateway(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const name = nameOf(this.dns, this.#engines[0]!);
    await restart(this.#gateway, signal, () => startGateway(name));
  }

  async close(): Promise<void> {
    this.dns.close();
    for (const { proxy, process } of [this.#gateway, ...this.#engines]) {
      process.kill('SIGKILL');
      await Promise.all([process.end(), proxy.close()]);
    }
  }
}

type Started = Pick<Node, 'process' | 'address'>;

async function startNode(
  start: () => Promise<Started>,
  place: { readonly host?: string; readonly port?: number } = {},
): Promise<Node> {
  const started = await start();
  return { ...started, proxy: await startTcpProxy(started.address, place) };
}

/** All of 127.0.0.0/8 is this machine. */
function hostOf(index: number): string {
  return `127.0.0.${11 + index}`;
}

function portOf({ proxy }: Node): number {
  return Number(proxy.target.split(':')[1]);
}

/** The name of all engines, as the gateway takes it. */
function nameOf(dns: FaultyDns, engine: Node): string {
  return `dns://${dns.target}/engines.test:${portOf(engine)}`;
}

async function restart(node: Node, signal: NodeJS.Signals, start: () => Promise<Started>): Promise<void> {
  node.process.kill(signal);
  await node.process.end();
  Object.assign(node, await start());
  node.proxy.retarget(node.address);
}

async function startEngine(): Promise<Started> {
  const model = `tiny=${fixtureCheckpoint('real-vocab')}`;
  const process = new LinnetProcess(['engine', '--grpc-port', '0', '--model', model, ...ENGINE_ARGS]);
  const [, address = ''] = await process.until('stdout', /^ +gRPC +(\S+)$/m);
  return { process, address };
}

async function startGateway(engines: string): Promise<Started> {
  const args = ['--engine-address', engines, '--http-port', '0', '--drain-grace', '2s'];
  const process = new LinnetProcess(['gateway', ...args]);
  const [, address = ''] = await process.until('stdout', /^ +HTTP +http:\/\/(\S+)$/m);
  return { process, address };
}
