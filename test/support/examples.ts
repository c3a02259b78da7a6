import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type LinnetAddresses, ROOT } from './linnet-process.js';
import {
  GRPCURL,
  hasCommand,
  hasPythonPackages,
  type ProgramResult,
  PYTHON,
  runInShell,
  withGrpcurl,
} from './shell.js';

const HAS_OPENAI_FOR_PYTHON = hasPythonPackages('openai');

/** A fenced block of a document: three backquotes, a language, and what the rest of the line says of it. */
export interface Example {
  readonly language: string;
  /** `run`: it can be run. `from FILE`: it is a part of that file. */
  readonly remark: string;
  readonly code: string;
  /** Its language and its first line. */
  readonly title: string;
  /** Where it is run: the folder of the document, and the root for those in `docs/`. */
  readonly directory: string;
}

/** Reads the blocks of a document that have a remark. The document is named from the repository's root. */
export function readExamples(document: string): readonly Example[] {
  const text = readFileSync(join(ROOT, document), 'utf8');
  // Guides speak to somebody in the repository's root; a client's README is for its own folder.
  const directory = document.startsWith('docs/') ? ROOT : join(ROOT, dirname(document));
  return [...text.matchAll(/^```(\w+) (.+)\n([\s\S]*?)^```$/gm)].map(
    ([, language = '', remark = '', code = '']) => {
      const title = `${language}: ${code.split('\n')[0]?.slice(0, 80)}`;
      return { language, remark, code, title, directory };
    },
  );
}

/** Tells why an example can't be run here; undefined where it can. */
export function obstacleTo({ language, code }: Example): string | undefined {
  if (language === 'python' && !HAS_OPENAI_FOR_PYTHON) return 'no Python with the package openai';
  if (code.startsWith('grpcurl') && GRPCURL === undefined) return 'no grpcurl';
  if (code.startsWith('curl') && !hasCommand('curl')) return 'no curl';
  return undefined;
}

/** Runs an example as a person would, where its document is, on a service that listens elsewhere. */
export function runExample(
  { language, code, directory }: Example,
  { http, grpc }: LinnetAddresses,
): Promise<ProgramResult> {
  const here = code.replaceAll('http://localhost:8000', http).replaceAll('localhost:50051', grpc);
  if (language === 'js') return runInShell('node --input-type=module', here, directory);
  if (language === 'python') return runInShell(`"${PYTHON}" -`, here, directory);
  const lines = here.split('\n').map(withGrpcurl);
  return runInShell(['set -e', ...lines].join('\n'), '', directory);
}
