import { AutoModelForCausalLM, BaseStreamer, env, Tensor } from '@huggingface/transformers';

const DTYPES = { f32: 'fp32', q8: 'q8' };

/** Notes when tokens come; the first call brings the prompt. */
class Clock extends BaseStreamer {
  timesMs = [];
  rows;

  put(rows) {
    if (this.rows === undefined) this.rows = rows.map(() => []);
    else {
      this.timesMs.push(performance.now());
      for (const [index, row] of rows.entries()) this.rows[index].push(Number(row[0]));
    }
  }

  end() {}
}

/** transformers.js on onnxruntime-node. It computes one call at a time; a call may have a batch of prompts of one length. */
export async function open({ onnx, precision, numThreads }) {
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  const model = await AutoModelForCausalLM.from_pretrained(onnx, {
    dtype: DTYPES[precision],
    device: 'cpu',
    local_files_only: true,
    session_options: { intraOpNumThreads: numThreads, interOpNumThreads: 1 },
  });

  async function generateBatch(prompts, maxTokens) {
    const dims = [prompts.length, prompts[0].length];
    const clock = new Clock();
    const startedAtMs = performance.now();
    await model.generate({
      inputs: new Tensor('int64', BigInt64Array.from(prompts.flat(), BigInt), dims),
      attention_mask: new Tensor('int64', new BigInt64Array(dims[0] * dims[1]).fill(1n), dims),
      max_new_tokens: maxTokens,
      do_sample: false,
      streamer: clock,
    });
    const { timesMs, rows } = clock;
    return rows.map((ids) => ({ startedAtMs, timesMs, ids }));
  }

  return {
    isConcurrent: false,
    async generate(prompt, maxTokens) {
      const [run] = await generateBatch([prompt], maxTokens);
      return run;
    },
    generateBatch,
    close: () => model.dispose(),
  };
}
