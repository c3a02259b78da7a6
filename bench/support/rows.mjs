import { median, quartiles } from './statistics.mjs';

/** The unit of every metric. */
const UNITS = {
  throughput: 'tokens/s',
  messages: 'messages/s',
  tokensPerCore: 'tokens/s of CPU',
  eventsPerCore: 'events/s of CPU',
  cpu: 'µs',
  firstToken: 'ms',
  gapMedian: 'ms',
  gapP99: 'ms',
  gapMax: 'ms',
  chunkAndStep: 'ms',
  step: 'ms',
  load: 'ms',
  quantize: 'ms',
  resident: 'MiB',
  bandwidth: 'GB/s',
  agreement: 'tokens',
  ratio: 'x',
};

/**
 * Makes a row of each metric of a thing's samples: the median over the rounds, and between which quartiles they lie.
 *
 * @param labels what was measured: workload, system, precision, streams, and what else tells it from others
 * @param samples objects of the same metrics, one a round
 */
export function toRows(labels, samples) {
  return Object.keys(samples[0] ?? {}).map((metric) => {
    const values = samples.map((sample) => sample[metric]);
    return row({ ...labels, metric }, values);
  });
}

/**
 * Makes a row of the ratio between two things, taken round by round.
 *
 * @param labels as for {@link toRows}; `goal` is `{ atLeast }` or `{ atMost }`
 */
export function ratioRow(labels, numerators, denominators) {
  return row(
    { ...labels, metric: 'ratio' },
    numerators.map((value, index) => value / denominators[index]),
  );
}

/** Whether a row with a goal reaches it; undefined for one without. */
export function reachesGoal({ goal, value }) {
  if (goal === undefined) return undefined;
  return value >= (goal.atLeast ?? -Infinity) && value <= (goal.atMost ?? Infinity);
}

function row({ metric, ...labels }, values) {
  return {
    ...labels,
    metric,
    value: round(median(values)),
    unit: UNITS[metric],
    quartiles: quartiles(values).map(round),
    rounds: values.length,
  };
}

function round(value) {
  return Number(value.toPrecision(5));
}
