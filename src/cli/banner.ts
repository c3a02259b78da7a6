import pc from 'picocolors';
import { isLoopback, toReachableAddress } from './network-address.js';

/** What a server has to say for itself when it is ready. What is undefined is left out. */
export interface BannerFacts {
  readonly version: string;
  /** The address on which it listens. */
  readonly host: string;
  /** The gateway's port. */
  readonly httpPort: number | undefined;
  /** The gRPC service's port. */
  readonly grpcPort: number | undefined;
  /** Where a gateway alone finds its engine. */
  readonly engineAddress: string | undefined;
  /** Each model and its state in one line, the default one first; empty where they are not known. */
  readonly models: readonly string[];
}

// A linnet in profile. The spots on its breast are red.
const BIRD = [
  '          .--.      ',
  '         /  o \\>    ',
  "    _.--'   .:|     ",
  " =='  \\\\\\_ .:;'     ",
  "    `'--.-.-'       ",
  '        ^ ^         ',
];

const EXAMPLE = { prompt: 'Once upon a time', max_tokens: 48 };

/**
 * Draws the text that a server prints once it is ready: what it is, where it listens, and commands that can be copied
 * and run as they stand. Ends with a newline.
 *
 * @param inColor - whether to use ANSI colours.
 */
export function renderBanner(facts: BannerFacts, inColor: boolean): string {
  const colors = pc.createColors(inColor);
  const fact = (name: string, value: string) => `  ${colors.dim(name.padEnd(8))}${value}`;
  const lines = [
    '',
    ...renderBird(facts.version, colors),
    '',
    ...renderFacts(facts).map(([name, value]) => fact(name, value)),
    '',
    ...renderExamples(facts).flatMap(([title, command]) => [`  ${colors.dim(title)}`, `  ${command}`, '']),
    ...renderWarning(facts).map((line) => `  ${colors.yellow(line)}`),
    `  ${colors.dim('Ctrl-C ends it once what runs has finished; a second Ctrl-C ends it at once.')}`,
    '',
  ];
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

/** Tells whether a stream shows colours: it is a terminal that can, and NO_COLOR is not set. */
export function isColorful(stream: { isTTY?: boolean }, environment: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
}

function renderBird(version: string, colors: ReturnType<typeof pc.createColors>): string[] {
  const beside: Record<number, string> = {
    1: `${colors.bold('linnet')} ${version}`,
    2: colors.dim('GPT-2 completions over HTTP and gRPC'),
  };
  return BIRD.map((line, row) => {
    const drawn = line.replace(/[.:;]{2,3}/g, (spots) => colors.red(spots)).replace('>', colors.yellow('>'));
    return `${drawn}${beside[row] ?? ''}`;
  });
}

function renderFacts({ host, httpPort, grpcPort, engineAddress, models }: BannerFacts) {
  const facts: [name: string, value: string][] = [];
  if (httpPort !== undefined) facts.push(['HTTP', `http://${toReachableAddress(host, httpPort)}`]);
  if (grpcPort !== undefined) facts.push(['gRPC', toReachableAddress(host, grpcPort)]);
  if (engineAddress !== undefined) facts.push(['Engine', engineAddress]);
  for (const [index, model] of models.entries()) facts.push([index === 0 ? 'Model' : '', model]);
  if (httpPort !== undefined) {
    const url = `http://${toReachableAddress(host, httpPort)}`;
    facts.push(['Docs', `${url}/`], ['Health', `${url}/health`]);
  }
  return facts;
}

function renderExamples({ host, httpPort, grpcPort }: BannerFacts) {
  const examples: [title: string, command: string][] = [];
  if (httpPort !== undefined) {
    const body = JSON.stringify({ ...EXAMPLE, stream: true });
    examples.push([
      'Stream a completion over HTTP:',
      `curl -N http://${toReachableAddress(host, httpPort)}/completions -H 'Content-Type: application/json' -d '${body}'`,
    ]);
  }
  if (grpcPort !== undefined) {
    examples.push([
      'Stream one over gRPC:',
      `grpcurl -plaintext -d '${JSON.stringify(EXAMPLE)}' ${toReachableAddress(host, grpcPort)} linnet.v1.Completion/Generate`,
    ]);
  }
  return examples;
}

function renderWarning({ host }: BannerFacts): string[] {
  if (isLoopback(host)) return [];
  return [
    `Whoever can reach ${host} can use this: it listens in plaintext and asks nobody who they are.`,
    '',
  ];
}
