// Makes everything that is generated and committed: from proto/ the wire types, the ONNX types, the descriptors that
// reflection serves, and the code of the Go client; from the sampler's WebAssembly text its bytes. `npm run generate`; CI
// runs it and fails when the result differs from what is committed.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import createWabt from 'wabt';

const BUF = resolve('node_modules/.bin/buf');
const buf = (...args) => execFileSync(BUF, args, { stdio: ['ignore', 'pipe', 'inherit'] });

buf('generate');
buf('generate', '--template', 'buf.gen.onnx.yaml');

const descriptors = buf(
  ...['build', '.', '--as-file-descriptor-set', '--exclude-source-info', '-o', '-#format=binpb'],
  ...['--path', 'proto/linnet', '--path', 'proto/third_party/grpc', '--path', 'proto/third_party/google'],
);
writeFileSync(
  'src/contract/gen/descriptors.ts',
  `// Made by tools/generate.mjs from proto/; do not edit.

/** A serialized google.protobuf.FileDescriptorSet of everything that the service serves, in base64. */
export const FILE_DESCRIPTOR_SET =
${toLiteral(descriptors)};
`,
);

const KERNELS = 'src/engine/sampling/row-kernels.wat';
const { parseWat } = await createWabt();
const kernels = parseWat(KERNELS, readFileSync(KERNELS), { simd: true });
kernels.validate();
writeFileSync(
  'src/engine/sampling/gen/row-kernels.ts',
  `// Made by tools/generate.mjs from ${KERNELS}; do not edit.

/** The WebAssembly module of the loops over a row of logits, in base64. */
export const ROW_KERNELS =
${toLiteral(Buffer.from(kernels.toBinary({}).buffer))};
`,
);

// Its plugins are the Go module's own tools, so they run from its folder.
if (spawnSync('go', ['version']).status === 0) {
  execFileSync(BUF, ['generate'], { cwd: 'clients/go', stdio: ['ignore', 'inherit', 'inherit'] });
} else {
  console.error('clients/go/gen stays as it is: Go, which makes it, is not installed.');
}

/** Bytes in base64, as a string in lines of a readable length. */
function toLiteral(bytes) {
  const lines = bytes.toString('base64').match(/.{1,110}/g) ?? [];
  return lines.map((line) => `  '${line}'`).join(' +\n');
}
