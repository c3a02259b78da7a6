/** The workloads that the chart and the table show, as readers know them. */
export const TITLES = {
  decode: 'One stream',
  streams: '16 streams together',
  prefill: 'Prompt of 900 tokens',
  mixed: '32 clients, texts of all lengths',
};
export const SYSTEMS = ['linnet', 'node-llama-cpp', 'transformers.js'];
export const PRECISIONS = ['f32', 'q8', 'q4'];

/** Finds the throughput of a system in a workload; undefined where it was not measured. */
export function throughputOf(rows, { workload, system, precision }) {
  return rows.find(
    (row) =>
      row.metric === 'throughput' &&
      row.workload === workload &&
      row.system === system &&
      row.precision === precision,
  );
}

/** The workloads, in order, of which there are figures. */
export function measuredWorkloads(rows) {
  return Object.keys(TITLES).filter((workload) => rows.some((row) => row.workload === workload));
}
