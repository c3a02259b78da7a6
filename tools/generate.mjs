// Makes everything that is made from proto/: the wire types, the ONNX types, and the descriptors that
// reflection serves. `npm run generate`; CI runs it and fails when the result differs from what is committed.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';

const buf = (...args) =>
  execFileSync('node_modules/.bin/buf', args, { stdio: ['ignore', 'pipe', 'inherit'] });

buf('generate');
buf('generate', '--template', 'buf.gen.onnx.yaml');

const descriptors = buf(
  ...['build', '.', '--as-file-descriptor-set', '--exclude-source-info', '-o', '-#format=binpb'],
  ...['--path', 'proto/linnet', '--path', 'proto/third_party/grpc', '--path', 'proto/third_party/google'],
);
const lines = descriptors.toString('base64').match(/.{1,110}/g) ?? [];
writeFileSync(
  'src/contract/gen/descriptors.ts',
  `// Made by tools/generate.mjs from proto/; do not edit.

/** A serialized google.protobuf.FileDescriptorSet of everything that the service serves, in base64. */
export const FILE_DESCRIPTOR_SET =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`,
);
