import { getLlama } from 'node-llama-cpp';

/** llama.cpp in Node, with a context of as many sequences as run together, which it computes as one batch. */
export async function open({ gguf, numThreads }) {
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    maxThreads: numThreads,
    logLevel: 'error',
  });
  const model = await llama.loadModel({ modelPath: gguf });
  let context;

  async function generate(prompt, maxTokens) {
    const sequence = context.getSequence();
    try {
      const [timesMs, ids] = [[], []];
      const startedAtMs = performance.now();
      for await (const id of sequence.evaluate(prompt, { temperature: 0 })) {
        timesMs.push(performance.now());
        ids.push(id);
        if (ids.length === maxTokens) break;
      }
      return { startedAtMs, timesMs, ids };
    } finally {
      sequence.dispose();
    }
  }

  return {
    isConcurrent: true,
    /** Makes the context for as many streams, unless it is there. */
    async prepare(streams) {
      if (context?.totalSequences === streams) return;
      await context?.dispose();
      const threads = { ideal: numThreads, min: numThreads };
      context = await model.createContext({ contextSize: 1024, sequences: streams, threads });
    },
    generate,
    async close() {
      await llama.dispose();
    },
  };
}
