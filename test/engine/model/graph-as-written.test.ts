import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { afterAll, describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../../src/engine/model/checkpoint.js';
import { type GraphProto, ModelProto } from '../../../src/engine/model/gen/onnx/onnx.js';
import { buildGpt2Graph } from '../../../src/engine/model/gpt2-graph.js';
import { folderOf } from '../../../src/engine/model/safetensors.js';
import { MATRIX_FORMATS } from '../../../src/engine/weights/matrix-formats.js';
import { openWeights } from '../../../src/engine/weights/quantized-cache.js';
import { fixtureCheckpoint } from '../../support/fixtures.js';

// The session is made without ONNX Runtime's optimizers (session.ts): they must have nothing to do.
describe.each(Object.keys(MATRIX_FORMATS) as (keyof typeof MATRIX_FORMATS)[])(
  'the graph at %s',
  (precision) => {
    const directory = mkdtempSync(join(tmpdir(), 'linnet-'));
    afterAll(() => rmSync(directory, { recursive: true }));

    it.each(['wide', 'gelu', 'layer-scaled'])(
      'is what ONNX Runtime would run, or better: "%s"',
      async (name) => {
        const { graph, folder } = await writeGraph(name);
        const optimizedModelFilePath = join(directory, `${name}.onnx`);
        const session = await InferenceSession.create(graph, {
          graphOptimizationLevel: 'all',
          optimizedModelFilePath,
          extra: { session: { model_external_initializers_file_folder_path: folder } },
          logSeverityLevel: 3,
        });
        await session.release();
        // Transposes are moved about, which makes more of them.
        const { Transpose: written, ...others } = countOperators(graph);
        const optimized = countOperators(readFileSync(optimizedModelFilePath));
        expect(optimized).toEqual({ ...others, Transpose: expect.any(Number) });
        expect(optimized['Transpose']).toBeGreaterThanOrEqual(written!);
      },
    );

    it('has the head before all else, as the largest weight is to be packed while there is nothing else', async () => {
      const { graph } = await writeGraph('wide');
      expect(ModelProto.decode(graph).graph!.node![0]!.input!.join()).toContain('wte.weight');
    });

    async function writeGraph(name: string) {
      const checkpoint = openCheckpoint(fixtureCheckpoint(name));
      const format = MATRIX_FORMATS[precision];
      const weights = openWeights(checkpoint, format, { directory, onProgress: () => {} });
      const attention = await format.attention();
      const graph = buildGpt2Graph({ config: checkpoint.config, format, attention, weights });
      return { graph, folder: folderOf(weights.values()) };
    }
  },
);

/** How many of each operator a model has, those of all branches with them. */
function countOperators(model: Uint8Array): Record<string, number> {
  const counts: Record<string, number> = {};
  const count = ({ node = [] }: GraphProto) => {
    for (const { opType, attribute = [] } of node) {
      counts[opType!] = (counts[opType!] ?? 0) + 1;
      for (const { g } of attribute) if (g !== undefined) count(g);
    }
  };
  count(ModelProto.decode(model).graph!);
  return counts;
}
