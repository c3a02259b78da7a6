import pc from 'picocolors';

/** What a server has to say for itself when it is ready. What is undefined is left out. */
export interface BannerFacts {
  readonly version: string;
  /** Where the gateway can be reached: `http://127.0.0.1:8000`, `https://...` or `unix:/run/linnet.sock`. */
  readonly httpUrl: string | undefined;
  /** Where the gRPC service can be reached: `127.0.0.1:50051` or `unix:/run/linnet.sock`. */
  readonly grpcTarget: string | undefined;
  /** Where a gateway alone finds its engine. */
  readonly engineAddress: string | undefined;
  /** Each model and its state in one line, the default one first; empty where they are not known. */
  readonly models: readonly string[];
  /** Who can use it, and how, in one line. */
  readonly access: string;
  /** Whether the ports speak TLS. */
  readonly speaksTls: boolean;
  /** Whether requests need an API key. */
  readonly needsKey: boolean;
  /** What strangers could do to it; undefined where nothing. */
  readonly warning: string | undefined;
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

function renderFacts({ httpUrl, grpcTarget, engineAddress, models, access }: BannerFacts) {
  const facts: [name: string, value: string][] = [];
  if (httpUrl !== undefined) facts.push(['HTTP', httpUrl]);
  if (grpcTarget !== undefined) facts.push(['gRPC', grpcTarget]);
  if (engineAddress !== undefined) facts.push(['Engine', engineAddress]);
  facts.push(['Access', access]);
  for (const [index, model] of models.entries()) facts.push([index === 0 ? 'Model' : '', model]);
  if (httpUrl?.startsWith('http')) {
    facts.push(['Page', `${httpUrl}/`], ['Docs', `${httpUrl}/docs`], ['Health', `${httpUrl}/health`]);
  }
  return facts;
}

function renderExamples({ httpUrl, grpcTarget, speaksTls, needsKey }: BannerFacts) {
  const examples: [title: string, command: string][] = [];
  const key = (header: string) => (needsKey ? ` -H "${header}: Bearer $LINNET_API_KEY"` : '');
  if (httpUrl !== undefined) {
    const body = JSON.stringify({ ...EXAMPLE, stream: true });
    const socket = socketOf(httpUrl);
    const url = socket === undefined ? httpUrl : `--unix-socket ${socket} http://localhost`;
    examples.push([
      'Stream a completion over HTTP:',
      `curl -N ${url}/completions${key('Authorization')} -H 'Content-Type: application/json' -d '${body}'`,
    ]);
  }
  if (grpcTarget !== undefined) {
    const socket = socketOf(grpcTarget);
    const plaintext = socket === undefined && speaksTls ? '' : ' -plaintext';
    examples.push([
      'Stream one over gRPC:',
      `grpcurl${plaintext}${key('authorization')} -d '${JSON.stringify(EXAMPLE)}' ${socket === undefined ? '' : '-unix '}${socket ?? grpcTarget} linnet.v1.Completion/Generate`,
    ]);
  }
  return examples;
}

function socketOf(address: string): string | undefined {
  return /^unix:(.+)$/.exec(address)?.[1];
}

function renderWarning({ warning }: BannerFacts): string[] {
  return warning === undefined ? [] : [warning, ''];
}
